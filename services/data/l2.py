"""Checking a recording of Binance's streams: does the order book rebuild from it without a gap?

Each line is the time of receipt in nanoseconds and a JSON message: `depth` diffs, `trade`, `bookTicker`,
and one answer of the REST call `depth` near the beginning. Wherever a bookTicker tells the best bid and
offer at the same update as a diff, the rebuilt book must show the same prices and amounts.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from ...configs.errors import SettingsError

Best = tuple[Decimal, Decimal, Decimal, Decimal]
"""Bid, its amount, offer, its amount."""


@dataclass(slots=True)
class Recording:
    """What a recording holds, and how the rebuilt book agrees with it.

    Args:
        symbol: as the venue writes it.
        diffs: changes of the book, of which `gaps` did not follow the one before.
        compared: updates at which the best prices were told by both; `wrong` of them differ.
    """

    symbol: str = ""
    lines: int = 0
    diffs: int = 0
    trades: int = 0
    gaps: int = 0
    compared: int = 0
    wrong: int = 0
    first_ns: int = 0
    last_ns: int = 0


@dataclass(slots=True)
class Book:
    """An order book, rebuilt from a snapshot and diffs."""

    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)
    last: int = 0

    def begin(self, snapshot: Any) -> None:
        self.bids, self.asks = _levels(snapshot["bids"]), _levels(snapshot["asks"])
        self.last = snapshot["lastUpdateId"]

    def take(self, diff: Any) -> bool:
        """Apply a diff; false when it does not follow the one before. Older ones are passed over."""
        if diff["u"] <= self.last:
            return True
        follows = diff.get("pu", self.last) == self.last if "pu" in diff else diff["U"] <= self.last + 1
        self.last = diff["u"]
        for side, rows in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for price, amount in _levels(rows).items():
                if amount:
                    side[price] = amount
                else:
                    side.pop(price, None)
        return bool(follows)

    def best(self) -> Best | None:
        """Best bid and offer; None while a side is empty."""
        if not self.bids or not self.asks:
            return None
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]


def check(paths: list[Path]) -> Recording:
    """Rebuild the book from recordings that follow each other, oldest first.

    Raises:
        SettingsError: a file cannot be read or is no such recording; with the line.
    """
    found, book = Recording(), Book()
    early: list[Any] = []
    best: dict[int, Best] = {}
    told: dict[int, Best] = {}
    for time_ns, message in chain.from_iterable(_messages(path) for path in paths):
        found.lines += 1
        found.first_ns, found.last_ns = found.first_ns or time_ns, time_ns
        data = message.get("data", message)
        if "lastUpdateId" in data:
            book.begin(data)
            for diff in early:
                book.take(diff)
            early.clear()
        elif data.get("e") == "depthUpdate":
            _diff(found, book, data, early, best)
        elif data.get("e") == "trade":
            found.trades += 1
        elif "u" in data and "B" in data:
            told[data["u"]] = (Decimal(data["b"]), Decimal(data["B"]), Decimal(data["a"]), Decimal(data["A"]))
        found.symbol = found.symbol or data.get("s", "")
    common = best.keys() & told.keys()
    found.compared = len(common)
    found.wrong = sum(best[update] != told[update] for update in common)
    return found


def _diff(found: Recording, book: Book, data: Any, early: list[Any], best: dict[int, Best]) -> None:
    found.diffs += 1
    if not book.last:
        early.append(data)
        return
    found.gaps += not book.take(data)
    now = book.best()
    if now is not None:
        best[book.last] = now


def _messages(path: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                number += 1
                time_ns, _, text = line.partition(" ")
                yield int(time_ns), json.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zlib.error) as error:
        raise SettingsError(
            f"{path}, line {number + 1}: it is no recording of Binance's streams ({error})."
        ) from error


def _levels(rows: list[list[str]]) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(amount) for price, amount, *_ in rows}
