import "../charts.js";
import "../money.js";
import "../weights.js";
import { filters } from "../filters.js";

filters(document.querySelector("cb-positions"));
