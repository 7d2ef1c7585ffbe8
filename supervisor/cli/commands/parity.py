"""cryptobot parity"""

from ....configs.paths import Home
from ..delegate import delegated, load, take_addons


def work(home: Home, words: list[str]) -> int:
    """Strategies from add-ons count too."""
    take_addons(home)
    return int(load("cryptobot.services.backtest.parity_cli:main")(home, words))


command = delegated("Run the period just traded again and compare it trade by trade.", work)
