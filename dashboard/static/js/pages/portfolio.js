import "../charts.js";
import "../money.js";
import "../weights.js";
