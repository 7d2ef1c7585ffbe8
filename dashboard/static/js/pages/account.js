import "../account.js";
