"""cryptobot backtest report"""

from ..delegate import backtest, delegated

command = delegated("Write the HTML report of a kept run.", backtest("report"))
