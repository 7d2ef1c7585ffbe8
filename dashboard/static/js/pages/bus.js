import "../tail.js";
