"""The local history as a whole: which series there are, and changing one that is not only added to.

One process writes a series at a time: the data service holds the lock of every series that it follows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from ...bus.contracts.market import timeframe_ms
from ...configs.errors import SettingsError, UsageError
from .columns import NAMES, Columns
from .store import CandleStore, read_store, series_folder

LOCK = "writer.lock"
_TIMES = "open_ms.i64"


class SeriesName(NamedTuple):
    """Which series: venue, market in ccxt's spelling, timeframe."""

    exchange: str
    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return f"{self.exchange} {self.symbol} {self.timeframe}"


class Library:
    """All series under one folder (`state/market` of a home)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def series(self) -> list[SeriesName]:
        """What is there, sorted."""
        found: list[SeriesName] = []
        for times in self.root.glob(f"*/*/*/{_TIMES}"):
            exchange, market, timeframe = times.parent.relative_to(self.root).parts
            try:
                length = timeframe_ms(timeframe)
            except SettingsError:
                continue
            found.append(SeriesName(exchange, symbol_of_folder(market), timeframe))
            assert length
        return sorted(found, key=lambda one: (one.exchange, one.symbol, timeframe_ms(one.timeframe)))

    def find(self, exchange: str, symbol: str, timeframe: str) -> list[SeriesName]:
        """The series that fit; "" fits all.

        Raises:
            UsageError: none does.
        """
        known = self.series()
        wanted = (exchange, symbol, timeframe)
        found = [
            one for one in known if all(want in ("", have) for want, have in zip(wanted, one, strict=True))
        ]
        if not found:
            told = ", ".join(str(one) for one in known) or "none; `cryptobot data import` brings some in"
            raise UsageError(f"No series fits {' '.join(filter(None, wanted)) or 'that'}; there are {told}.")
        return found

    def folder(self, name: SeriesName) -> Path:
        return series_folder(self.root, *name)

    def read(self, name: SeriesName) -> Columns:
        """Its candles, mapped.

        Raises:
            UsageError: it is not there.
        """
        try:
            return read_store(self.folder(name))
        except OSError as error:
            raise UsageError(f"There is no series {name} in {self.root}.") from error

    @contextmanager
    def writing(self, name: SeriesName) -> Iterator[CandleStore]:
        """The series to be changed; nobody else writes it meanwhile.

        Raises:
            UsageError: the running data service, or another command, writes it now.
        """
        folder = self.folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{name} is being written by the running data service or another command; "
                "stop it first (`cryptobot stop data`)."
            ) from None
        try:
            yield CandleStore(folder, name.timeframe)
        finally:
            lock.release()


def symbol_of_folder(part: str) -> str:
    """BTC-USDT is BTC/USDT, BTC-USDT-USDT is BTC/USDT:USDT."""
    base, _, rest = part.partition("-")
    quote, _, settle = rest.partition("-")
    return base + (f"/{quote}" if quote else "") + (f":{settle}" if settle else "")


def merged(known: Columns, fresh: Columns) -> tuple[Columns, int, int]:
    """Both as one series; where both have a candle, the known one stays.

    Returns:
        the candles, how many are new, how many of the fresh ones differ from the known.
    """
    if not len(known) or not len(fresh):
        return (fresh, len(fresh), 0) if not len(known) else (known, 0, 0)
    both, at_known, at_fresh = np.intersect1d(known.open_ms, fresh.open_ms, return_indices=True)
    differ = np.zeros(len(both), dtype=bool)
    for name in NAMES:
        differ |= getattr(known, name)[at_known] != getattr(fresh, name)[at_fresh]
    new = ~np.isin(fresh.open_ms, known.open_ms)
    times = np.concatenate((known.open_ms, fresh.open_ms[new]))
    order = np.argsort(times, kind="stable")
    parts = [np.concatenate((getattr(known, name), getattr(fresh, name)[new]))[order] for name in NAMES]
    return Columns(times[order], *parts), int(new.sum()), int(differ.sum())
