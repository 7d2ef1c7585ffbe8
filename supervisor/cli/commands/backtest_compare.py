"""cryptobot backtest compare"""

from ..delegate import backtest, delegated

command = delegated("Show kept runs side by side.", backtest("compare"))
