import "../keys.js";
