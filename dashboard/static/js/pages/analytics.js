import "../analytics.js";
