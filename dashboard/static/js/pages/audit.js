import "../lines.js";
