"""Public calls: the exchange itself, candles, books, trades, tickers."""

import json

from . import tickers, wire
from .calls import Call, endpoint, illegal
from .klines import INTERVALS
from .orders import RefusedError
from .tape import Tape
from .units import UNIT, text

MAX_KLINES = 1_000
MAX_TRADES = 1_000
MAX_DEPTH = 5_000
_FUTURE = 2**62


@endpoint("GET /api/v3/ping", "GET /api/v1/ping", method="ping")
async def ping(call: Call) -> object:
    return {}


@endpoint("GET /api/v3/time", "GET /api/v1/time", method="time")
async def time(call: Call) -> object:
    return {"serverTime": call.now_ms}


@endpoint("GET /api/v3/exchangeInfo", "GET /api/v1/exchangeInfo", method="exchangeInfo", weight=20)
async def exchange_info(call: Call) -> object:
    exchange = call.exchange
    wanted = set(_symbols(call)) or set(exchange.engine.markets)
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": exchange.limits.describe(),
        "exchangeFilters": [],
        "symbols": [m.rules.describe() for name, m in exchange.engine.markets.items() if name in wanted],
        "sors": [],
    }


def _symbols(call: Call) -> list[str]:
    """Of `symbol` or `symbols`; empty when neither is given."""
    if "symbol" in call.parameters:
        return [call.symbol()]
    if "symbols" not in call.parameters:
        return []
    try:
        names = json.loads(call.parameters["symbols"])
    except ValueError:
        raise illegal("symbols") from None
    if not isinstance(names, list):
        raise illegal("symbols")
    return [call.exchange.engine.market(str(name)).rules.symbol for name in names]


def _tape(call: Call) -> Tape:
    return call.exchange.feed.tapes[call.symbol()]


@endpoint("GET /api/v3/klines", "GET /api/v3/uiKlines", method="klines uiKlines", weight=2)
async def klines(call: Call) -> object:
    tape = _tape(call)
    interval = call.choice("interval", tuple(INTERVALS), None, -1120, "Invalid interval.")
    since, until = call.optional_integer("startTime"), call.optional_integer("endTime")
    limit = call.limit(500, MAX_KLINES)
    found = call.exchange.feed.klines(tape, interval, since, until, limit)
    return [kline.row(interval) for kline in found]


@endpoint("GET /api/v3/depth", method="depth", weight=5)
async def depth(call: Call) -> object:
    return _tape(call).depth.snapshot(call.limit(100, MAX_DEPTH))


@endpoint("GET /api/v3/trades", method="trades.recent", weight=25)
async def trades(call: Call) -> object:
    lines = list(_tape(call).market.tape)
    return [wire.public_trade(line) for line in lines[-call.limit(500, MAX_TRADES) :]]


@endpoint("GET /api/v3/historicalTrades", method="trades.historical", weight=25)
async def historical_trades(call: Call) -> object:
    limit, from_id = call.limit(500, MAX_TRADES), call.optional_integer("fromId")
    lines = list(_tape(call).market.tape)
    if from_id is not None:
        return [wire.public_trade(line) for line in lines if line.trade_id >= from_id][:limit]
    return [wire.public_trade(line) for line in lines[-limit:]]


@endpoint("GET /api/v3/aggTrades", method="trades.aggregate", weight=4)
async def aggregate_trades(call: Call) -> object:
    limit, from_id = call.limit(500, MAX_TRADES), call.optional_integer("fromId")
    since, until = call.optional_integer("startTime"), call.optional_integer("endTime")
    lines = [line for line in _tape(call).market.tape if line.trade_id >= (from_id or 0)]
    lines = [line for line in lines if (since or 0) <= line.time_ms <= (until or _FUTURE)]
    forward = from_id is not None or since is not None
    return [wire.aggregate_trade(line) for line in (lines[:limit] if forward else lines[-limit:])]


@endpoint("GET /api/v3/avgPrice", method="avgPrice", weight=2)
async def average_price(call: Call) -> object:
    tape = _tape(call)
    recent = tape.candles.series["5m"].current
    if recent is None or not recent.volume:
        return {"mins": 5, "price": text(tape.market.last), "closeTime": call.now_ms}
    return {"mins": 5, "price": text(recent.quote_volume * UNIT // recent.volume), "closeTime": call.now_ms}


def _one_or_all(call: Call, entries: dict[str, object]) -> object:
    """Binance answers one object when `symbol` is given, else a list."""
    if "symbol" in call.parameters:
        return entries[call.symbol()]
    wanted = _symbols(call) or list(entries)
    return [entries[name] for name in wanted]


@endpoint("GET /api/v3/ticker/24hr", "GET /api/v3/ticker/tradingDay", method="ticker.24hr", weight=2)
async def ticker_day(call: Call) -> object:
    feed = call.exchange.feed
    return _one_or_all(call, {name: tickers.ticker(tape, call.now_ms) for name, tape in feed.tapes.items()})


@endpoint("GET /api/v3/ticker", method="ticker", weight=4)
async def ticker_window(call: Call) -> object:
    if "symbol" not in call.parameters and "symbols" not in call.parameters:
        raise RefusedError(-1128, "Combination of optional parameters invalid: send 'symbol' or 'symbols'.")
    return await ticker_day(call)


@endpoint("GET /api/v3/ticker/price", method="ticker.price", weight=2)
async def ticker_price(call: Call) -> object:
    markets = call.exchange.engine.markets
    return _one_or_all(call, {n: {"symbol": n, "price": text(m.last)} for n, m in markets.items()})


@endpoint("GET /api/v3/ticker/bookTicker", method="ticker.book", weight=2)
async def ticker_book(call: Call) -> object:
    entries: dict[str, object] = {}
    for name, tape in call.exchange.feed.tapes.items():
        bid, bid_quantity, ask, ask_quantity = tape.depth.best()
        entries[name] = {
            "symbol": name, "bidPrice": text(bid), "bidQty": text(bid_quantity), "askPrice": text(ask),
            "askQty": text(ask_quantity),
        }  # fmt: skip
    return _one_or_all(call, entries)
