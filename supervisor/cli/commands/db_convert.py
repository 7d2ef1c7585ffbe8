"""cryptobot db convert"""

from ....configs.errors import UsageError
from ....configs.paths import Home
from .. import daemon
from ..delegate import database, delegated


def work(home: Home, words: list[str]) -> int:
    """Nobody may write meanwhile."""
    if daemon.is_running(home):
        raise UsageError("Services use the databases now; stop them first with `cryptobot down`.")
    return database("convert")(home, words)


command = delegated("Move all data to another engine.", work)
