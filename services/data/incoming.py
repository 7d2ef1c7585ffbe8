"""Files that people bring: candles, trades, funding rates, recordings of books. Each is taken whole or
refused with one sentence that says where and what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import SettingsError
from . import l2
from .columns import Columns
from .files import Series, read_series, read_table, symbol_of, times_of
from .resample import of_trades

CANDLES, TRADES, FUNDING, BOOKS = "candles", "trades", "funding", "books"
_VISION_TRADES = ("id", "price", "amount", "first_id", "last_id", "time", "maker")
_AMOUNTS = frozenset({"amount", "quantity", "size", "qty"})
_BOOK_COLUMNS = frozenset({"ask_price", "is_snapshot", "update_type", "first_update_id"})
_OTHERS = (
    ("bids[0].price", "snapshots of books in Tardis' format"),
    ("bid_price", "quotes (best bid and offer)"),
    ("bid_open", "candles of bid and offer"),
    ("bid", "quotes (best bid and offer)"),
    ("is_snapshot", "changes of books in Tardis' format"),
    ("side", "single levels of books"),
)


@dataclass(frozen=True, slots=True)
class Trades:
    """Public trades, oldest first; `side` is the taker's, "" where the file does not tell it."""

    ts_ms: NDArray[np.int64]
    price: NDArray[np.float64]
    amount: NDArray[np.float64]
    side: list[str]


@dataclass(frozen=True, slots=True)
class Funding:
    """Funding rates of a perpetual by the time at which they were due."""

    ts_ms: NDArray[np.int64]
    rate: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was read and checked: exactly one of the last four is given. `symbol` is "" when the
    file's name tells none.
    """

    kind: str
    symbol: str
    candles: Series | None = None
    trades: Trades | None = None
    funding: Funding | None = None
    books: l2.Recording | None = None

    @property
    def rows(self) -> int:
        """How many candles, trades, rates or messages."""
        if self.candles is not None:
            return len(self.candles.columns)
        if self.trades is not None:
            return len(self.trades.ts_ms)
        if self.funding is not None:
            return len(self.funding.ts_ms)
        return self.books.lines if self.books is not None else 0


def read(path: Path) -> Incoming:
    """Read a file of any kind that is known.

    Raises:
        SettingsError: it cannot be used; the sentence says why, where, and what to do.
    """
    name = path.name.lower()
    if path.is_file() and name.endswith(".gz") and not name.endswith((".csv.gz", ".json.gz", ".txt.gz")):
        return _books(path)
    if path.is_dir() or not path.is_file():
        return _candles(path)
    table = read_table(path, _other_headers)
    names = set(table)
    if "price" in names and names & _AMOUNTS and not names & _BOOK_COLUMNS:
        return Incoming(TRADES, symbol_of(path), trades=_told(path, lambda: _trades(table)))
    if names & {"funding_rate", "fundingrate"} or "funding" in name:
        return Incoming(FUNDING, symbol_of(path), funding=_told(path, lambda: _funding(table)))
    for column, what in _OTHERS:
        if column in names and "close" not in names:
            raise SettingsError(
                f"{path} holds {what}; candles, trades, funding rates and recordings of Binance's streams "
                "can be imported."
            )
    return _candles(path)


def trades_to_candles(trades: Trades, timeframe: str) -> Columns:
    """Candles made of the trades of a file."""
    return of_trades(trades.ts_ms, trades.price, trades.amount, timeframe)


def _candles(path: Path) -> Incoming:
    series = read_series(path)
    return Incoming(CANDLES, series.symbol, candles=series)


def _books(path: Path) -> Incoming:
    found = l2.check([path])
    if not found.diffs and not found.trades:
        raise SettingsError(f"{path} holds neither changes of a book nor trades.")
    if found.gaps or found.wrong:
        raise SettingsError(
            f"{path}: the book does not rebuild: {found.gaps} changes do not follow the one before, and "
            f"{found.wrong} of {found.compared} best prices differ; record it anew."
        )
    return Incoming(BOOKS, symbol_of(Path(found.symbol)), books=found)


def _other_headers(first: list[str]) -> tuple[str, ...] | None:
    """The columns of Binance's aggTrades, which have no header: id, price, quantity, ids, time, maker."""
    is_trades = len(first) in (7, 8) and first[6].strip().lower() in ("true", "false")
    return _VISION_TRADES + (("best",) if len(first) == 8 else ()) if is_trades else None


def _trades(table: dict[str, Any]) -> Trades:
    times = times_of(table)
    price = np.asarray(table["price"], dtype=np.float64)
    column = next(name for name in sorted(_AMOUNTS) if name in table)
    amount = np.asarray(table[column], dtype=np.float64)
    steps = np.diff(times)
    if (steps < 0).any():
        if (steps <= 0).all():
            order = slice(None, None, -1)
            times, price, amount = times[order], price[order], amount[order]
        else:
            row = int(np.argmax(steps < 0)) + 2
            raise ValueError(f"row {row}: it is earlier than the row before; sort by time")
    wrong = ~(price > 0) | ~(amount > 0) | ~np.isfinite(price) | ~np.isfinite(amount)
    if wrong.any():
        raise ValueError(f"row {int(np.argmax(wrong)) + 1}: price or amount is not above zero")
    return Trades(times, price, amount, _sides(table, len(times)))


def _sides(table: dict[str, Any], count: int) -> list[str]:
    if "side" in table:
        return [str(side).lower() for side in table["side"]]
    if "maker" in table:
        return ["sell" if str(maker).lower() == "true" else "buy" for maker in table["maker"]]
    return [""] * count


def _funding(table: dict[str, Any]) -> Funding:
    times = times_of(table)
    column = next((name for name in ("funding_rate", "fundingrate", "rate", "open") if name in table), None)
    if column is None:
        raise ValueError(f"it has no column of rates; it has {', '.join(table)}")
    rates = np.asarray(table[column], dtype=np.float64)
    if (np.diff(times) <= 0).any():
        raise ValueError(f"row {int(np.argmax(np.diff(times) <= 0)) + 2}: times do not rise; sort by time")
    if not np.isfinite(rates).all():
        raise ValueError(f"row {int(np.argmax(~np.isfinite(rates))) + 1}: the rate is missing")
    return Funding(times, rates)


def _told(path: Path, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path} cannot be imported: {str(error).rstrip('.')}.") from error
