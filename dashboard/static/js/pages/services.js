import "../services.js";
