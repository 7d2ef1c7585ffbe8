"""cryptobot backtest walk-forward"""

from ..delegate import backtest, delegated

command = delegated("Choose parameters on the past, trade them on what followed.", backtest("walk-forward"))
