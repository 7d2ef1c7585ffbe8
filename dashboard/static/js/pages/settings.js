import "../settings.js";
import "../text.js";
