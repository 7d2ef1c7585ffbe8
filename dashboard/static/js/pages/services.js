import "../services.js";
import "../history.js";
