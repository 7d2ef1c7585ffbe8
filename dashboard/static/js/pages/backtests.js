import "../backtests.js";
