import "../secrets.js";
