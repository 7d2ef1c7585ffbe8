import "../notifications.js";
