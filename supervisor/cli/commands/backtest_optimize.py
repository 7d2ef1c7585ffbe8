"""cryptobot backtest optimize"""

from ..delegate import backtest, delegated

command = delegated("Search a strategy's parameters with Optuna.", backtest("optimize"))
