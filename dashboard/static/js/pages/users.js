import "../users.js";
