"""cryptobot backtest trust"""

from ..delegate import backtest, delegated

command = delegated("Say how far a backtest may be trusted, and why.", backtest("trust"))
