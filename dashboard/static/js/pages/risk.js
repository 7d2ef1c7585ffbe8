import "../risk.js";
import "../trading.js";
