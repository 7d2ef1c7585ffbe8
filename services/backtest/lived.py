"""What was traded, as the journal and the local store tell it: candles, orders, fills, books."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from ...bus import topics
from ...bus.contracts.market import timeframe_ms
from ...bus.replay import replay
from ...configs.errors import SettingsError
from ...configs.paths import Home
from ..data.columns import NAMES, Columns
from ..data.store import read_store, series_folder

_MS = 1_000_000
_WARM_MS = 7 * 86_400_000
Levels = list[tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class LivedFill:
    """One execution, as trade told it."""

    order_id: str
    source: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    ts_ms: int


@dataclass(slots=True)
class LivedOrder:
    """An order's last known state, and when it began and ended (0 while it is open)."""

    id: str
    intent_id: str
    source: str
    symbol: str
    side: str
    state: str
    amount: Decimal
    limit: Decimal | None
    reason: str
    candle_open_ms: int
    created_ms: int
    ended_ms: int = 0
    fills: list[LivedFill] = field(default_factory=list)


@dataclass(slots=True)
class Book:
    """An order book at a moment."""

    ts_ms: int
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class Lived:
    """Everything of one venue in a span of time.

    Args:
        candles: open times and rows that were seen closed, by (symbol, timeframe).
        signals: candle and side of each decision told, by intent.
        seen: open times of the candles each run settled, as far as it told its lines.
        money: free money by asset at the beginning.
    """

    exchange: str
    from_ms: int
    to_ms: int
    candles: dict[tuple[str, str], dict[int, tuple[float, ...]]] = field(default_factory=dict)
    orders: dict[str, LivedOrder] = field(default_factory=dict)
    fills: list[LivedFill] = field(default_factory=list)
    signals: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)
    books: dict[str, list[Book]] = field(default_factory=dict)
    money: dict[str, Decimal] = field(default_factory=dict)
    money_at_ns: dict[str, int] = field(default_factory=dict)
    held: dict[str, tuple[Decimal, Decimal | None]] = field(default_factory=dict)


_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"})


def read_lived(home: Home, exchange: str, from_ms: int, to_ms: int) -> Lived:
    """Read the journal once.

    Raises:
        SettingsError: it holds nothing of the venue in that time.
    """
    lived = Lived(exchange, from_ms, to_ms)
    venue = topics.part(exchange)
    takers = {
        f"{topics.CANDLES}{venue}.": _take_candle,
        f"{topics.BOOKS}{venue}.": _take_book,
        f"{topics.ORDERS}{venue}.": _take_order,
        f"{topics.FILLS}{venue}": _take_fill,
        topics.SIGNALS: _take_signal,
        topics.INDICATORS: _take_lines,
        f"{topics.BALANCES}{venue}": _take_balance,
        f"{topics.POSITIONS}{venue}.": _take_position,
    }
    # What was held and owned at the beginning was told before it.
    begin_ns = max(0, from_ms - _WARM_MS) * _MS
    for message in replay(home, from_ns=begin_ns, to_ns=to_ms * _MS):
        topic = message["topic"]
        for prefix, take in takers.items():
            if topic.startswith(prefix):
                take(lived, message["payload"], message["ts_ns"])
                break
    for fill in lived.fills:
        if fill.order_id in lived.orders:
            lived.orders[fill.order_id].fills.append(fill)
    if not lived.candles and not lived.orders:
        raise SettingsError(
            f"The journal holds nothing of {exchange} in this time; `cryptobot bus replay` shows it."
        )
    return lived


def _take_candle(lived: Lived, body: Mapping[str, Any], _ts_ns: int) -> None:
    if body["closed"]:
        series = lived.candles.setdefault((body["symbol"], body["timeframe"]), {})
        series[body["open_ms"]] = tuple(float(body[name]) for name in NAMES)


def _take_book(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    if ts_ns >= lived.from_ms * _MS:
        lived.books.setdefault(body["symbol"], []).append(
            Book(body["ts_ms"], _levels(body["bids"]), _levels(body["asks"]))
        )


def _levels(rows: Any) -> Levels:
    return [(Decimal(str(row[0])), Decimal(str(row[1]))) for row in rows]


def _take_order(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    if ts_ns < lived.from_ms * _MS:
        return
    order = LivedOrder(
        body["id"],
        body["intent_id"],
        body["source"],
        body["symbol"],
        body["side"],
        body["state"],
        Decimal(str(body["amount"])),
        None if body["price"] is None else Decimal(str(body["price"])),
        body["reason"],
        body["candle_open_ms"],
        body["created_ms"],
        body["updated_ms"] if body["state"] in _ENDED else 0,
    )
    lived.orders[order.id] = order


def _take_fill(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    if ts_ns < lived.from_ms * _MS:
        return
    price, amount, fee = (Decimal(str(body[name])) for name in ("price", "amount", "fee"))
    lived.fills.append(
        LivedFill(
            body["order_id"],
            body["source"],
            body["symbol"],
            body["side"],
            price,
            amount,
            fee,
            body["fee_currency"],
            body["ts_ms"],
        )
    )


def _take_signal(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    if ts_ns >= lived.from_ms * _MS and body.get("intent_id"):
        lived.signals[body["intent_id"]] = dict(body)


def _take_lines(lived: Lived, body: Mapping[str, Any], _ts_ns: int) -> None:
    lived.seen.setdefault(body["strategy"], set()).add(body["open_ms"])


def _take_balance(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    """The newest before the beginning; else the first one after it."""
    asset, begin_ns = body["asset"], lived.from_ms * _MS
    if ts_ns < begin_ns or asset not in lived.money:
        lived.money[asset] = Decimal(str(body["free"]))
        lived.money_at_ns[asset] = ts_ns


def _take_position(lived: Lived, body: Mapping[str, Any], ts_ns: int) -> None:
    if ts_ns < lived.from_ms * _MS:
        average = body["average"]
        amount = Decimal(str(body["amount"]))
        lived.held[body["symbol"]] = (amount, None if average is None else Decimal(str(average)))


def candles_of(home: Home, lived: Lived, symbol: str, timeframe: str) -> Columns:
    """Finished candles of a market: the local store's history, and what the journal saw closed."""
    rows: dict[int, tuple[float, ...]] = {}
    folder = series_folder(home.state / "market", lived.exchange, symbol, timeframe)
    if folder.is_dir():
        try:
            kept = read_store(folder)
        except (OSError, ValueError):
            kept = Columns.empty()
        columns = [getattr(kept, name).tolist() for name in ("open_ms", *NAMES)]
        rows = {row[0]: row[1:] for row in zip(*columns, strict=True)}
    rows.update(lived.candles.get((symbol, timeframe), {}))
    last_ms = lived.to_ms - timeframe_ms(timeframe)
    times = sorted(time for time in rows if time <= last_ms)
    if not times:
        return Columns.empty()
    matrix = np.array([rows[time] for time in times], dtype=np.float64).T
    return Columns(np.array(times, dtype=np.int64), *matrix)
