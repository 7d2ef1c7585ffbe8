import "../charts.js";
import "../money.js";
import "../services.js";
import "../trading.js";
