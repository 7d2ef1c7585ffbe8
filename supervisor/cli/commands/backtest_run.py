"""cryptobot backtest run"""

from ..delegate import backtest, delegated

command = delegated("Run a strategy over a candle file.", backtest("run"))
