import "../charts.js";
import "../depth.js";
import "../money.js";
