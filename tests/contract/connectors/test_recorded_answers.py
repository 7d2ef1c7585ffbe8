"""Answers that real exchanges gave, replayed by a local HTTP server, as our venues read them."""

import json
import os
from collections.abc import Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptobot.services.connectors import binance, lazy
from cryptobot.services.connectors.binance import BinanceVenue
from cryptobot.services.connectors.ccxt_venue import CcxtVenue
from cryptobot.services.connectors.venue import Capabilities, Credentials

ROOT = Path(__file__).parents[3]
DATA = (
    Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data")) / "fixtures" / "ccxt_static"
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"recorded exchange traffic is not at {DATA}")

VENUES = ("binance", "kraken", "coinbase", "bybit")
METHODS = ("fetchOrder", "fetchOpenOrders", "fetchMyTrades", "fetchBalance", "fetchOHLCV", "fetchOrderBook")
# The local server looks at no signature; any text will do for a secret.
_KEY = "a" * 64


def recorded() -> Iterator[Any]:
    """(exchange, method, case) of every spot answer on file for the reads that we make."""
    for exchange in VENUES:
        path = DATA / "response" / f"{exchange}.json"
        if not path.is_file():
            continue
        methods = json.loads(path.read_text())["methods"]
        for method in METHODS:
            for number, case in enumerate(methods.get(method, ())):
                if _is_spot(method, case):
                    yield pytest.param(exchange, method, case, id=f"{exchange}-{method}-{number}")


def _is_spot(method: str, case: dict[str, Any]) -> bool:
    text = json.dumps(case["input"])
    words = ("papi", "portfolioMargin", "trigger", "swap", "spot", "v2Private", "clientOrderId")
    return ":USD" not in text and not case.get("disabled") and not any(word in text for word in words)


@asynccontextmanager
async def served(exchange: str, answer: Any):
    """A venue of this exchange whose every call is answered with the recording."""

    async def reply(request: web.Request) -> web.Response:
        return web.json_response(answer)

    runner = web.ServerRunner(web.Server(reply))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    venue = _venue(exchange, f"http://{host}:{port}")
    try:
        yield venue
    finally:
        await venue.close()
        await runner.cleanup()


def _venue(name: str, url: str) -> CcxtVenue:
    lazy.install()
    credentials = Credentials("key", _KEY)
    if name == "binance":
        ccxt_exchange = binance.make_exchange(credentials, 5.0)
    else:
        import ccxt.pro

        ccxt_exchange = getattr(ccxt.pro, name)({"apiKey": "key", "secret": _KEY, "enableRateLimit": False})
    ccxt_exchange.urls["api"] = _elsewhere(ccxt_exchange.urls["api"], url)
    markets = json.loads((DATA / "markets" / f"{name}.json").read_text())
    ccxt_exchange.set_markets(list(markets.values()))
    ccxt_exchange.markets_loading = None
    kind = BinanceVenue if name == "binance" else CcxtVenue
    return kind(name, ccxt_exchange, Capabilities())


def _elsewhere(urls: Any, url: str) -> Any:
    if isinstance(urls, dict):
        return {key: _elsewhere(value, url) for key, value in urls.items()}
    return url


async def read(venue: CcxtVenue, method: str, given: list[Any]) -> Any:
    symbol = (
        given[1] if method == "fetchOrder" else (given[0] if given and isinstance(given[0], str) else None)
    )
    if method == "fetchOrder":
        return await venue.fetch_order(symbol, "", given[0])
    if method == "fetchOpenOrders":
        return await venue.fetch_open_orders(symbol)
    if method == "fetchMyTrades":
        return await venue.fetch_my_trades(symbol)
    if method == "fetchBalance":
        return await venue.fetch_balance()
    if method == "fetchOHLCV":
        return await venue.fetch_candles(symbol, given[1], given[2], given[3])
    return await venue.fetch_book(symbol, given[1])


def same(number: Any, text: Any) -> bool:
    """A recorded number (a float in JSON) is the shortest text of our decimal."""
    return float(text) == float(number or 0)


@pytest.mark.parametrize(("exchange", "method", "case"), recorded())
async def test_recorded_answer_is_read_as_recorded(exchange, method, case):
    """What we make of a real exchange's answer is what was recorded to be right."""
    expected = case["parsedResponse"]
    async with served(exchange, case["httpResponse"]) as venue:
        got = await read(venue, method, case["input"])
    if method == "fetchOrder":
        _same_order(got, expected)
    elif method == "fetchOpenOrders":
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected, strict=True):
            _same_order(ours, theirs)
    elif method == "fetchMyTrades":
        for ours, theirs in zip(got, sorted(expected, key=lambda t: t["timestamp"]), strict=True):
            assert (ours.id, ours.order_id, ours.side, ours.symbol) == (
                theirs["id"], theirs["order"], theirs["side"], theirs["symbol"],
            )  # fmt: skip
            assert all(same(theirs[name], getattr(ours, name)) for name in ("price", "amount", "cost"))
            assert same(theirs["fee"]["cost"], ours.fee) and ours.fee_currency == theirs["fee"]["currency"]
            assert all(isinstance(value, Decimal) for value in (ours.price, ours.amount, ours.cost, ours.fee))
    elif method == "fetchBalance":
        assert {asset: float(balance.free) for asset, balance in got.items()} == {
            asset: float(free or 0) for asset, free in expected["free"].items() if free is not None
        }
    elif method == "fetchOHLCV":
        rows = [[c.open_ms, c.open, c.high, c.low, c.close, c.volume] for c in got]
        assert [[float(cell) for cell in row] for row in rows] == [
            [float(c) for c in row] for row in expected
        ]
    else:
        sides = [(float(p), float(a)) for p, a in (*got.bids, *got.asks)]
        assert sides == [tuple(level[:2]) for level in (*expected["bids"], *expected["asks"])]


def _same_order(ours, theirs) -> None:
    assert (ours.id, ours.symbol, ours.side) == (theirs["id"], theirs["symbol"], theirs["side"])
    assert ours.status == theirs["status"]
    assert same(theirs["amount"], ours.amount) and same(theirs["filled"], ours.filled)
    assert same(theirs["cost"], ours.cost)


def test_there_are_recordings_of_each_exchange():
    """The suite above is not empty for any of the four."""
    assert {case.values[0] for case in recorded()} == set(VENUES)
