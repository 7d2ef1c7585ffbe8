"""cryptobot parity"""

from ..delegate import delegated, load

command = delegated(
    "Run the period just traded again and compare it trade by trade.",
    lambda home, words: int(load("cryptobot.services.backtest.parity_cli:main")(home, words)),
)
