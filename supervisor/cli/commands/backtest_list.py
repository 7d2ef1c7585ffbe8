"""cryptobot backtest list"""

from ..delegate import backtest, delegated

command = delegated("List the kept runs.", backtest("list"))
