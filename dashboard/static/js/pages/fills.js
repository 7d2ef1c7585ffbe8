import "../money.js";
import { filters } from "../filters.js";

filters(document.querySelector("cb-fills"));
