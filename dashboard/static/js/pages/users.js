import "../users.js";
import "../roles.js";
