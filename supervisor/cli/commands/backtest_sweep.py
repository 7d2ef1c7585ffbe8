"""cryptobot backtest sweep"""

from ..delegate import backtest, delegated

command = delegated("Run a strategy with many parameters over a candle file.", backtest("sweep"))
