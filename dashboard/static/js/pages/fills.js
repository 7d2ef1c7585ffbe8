import "../money.js";
