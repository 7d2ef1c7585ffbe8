import "../settings.js";
