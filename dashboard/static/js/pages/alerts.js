import "../alerts.js";
