import "../risk.js";
