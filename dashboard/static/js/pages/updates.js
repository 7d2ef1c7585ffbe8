import "../updates.js";
