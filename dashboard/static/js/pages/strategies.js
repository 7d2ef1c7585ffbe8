import "../strategies.js";
