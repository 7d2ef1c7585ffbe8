"""cryptobot strategy check"""

from ..delegate import backtest, delegated

command = delegated("Look for look-ahead, repainting and other faults of a strategy.", backtest("check"))
