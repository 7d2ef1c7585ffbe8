import "../tryapi.js";
