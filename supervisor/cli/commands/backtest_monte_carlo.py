"""cryptobot backtest monte-carlo"""

from ..delegate import backtest, delegated

command = delegated("Shuffle and redraw the trades of a run.", backtest("monte-carlo"))
