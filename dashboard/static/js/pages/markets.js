import "../charts.js";
import "../money.js";
