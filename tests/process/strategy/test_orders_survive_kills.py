"""The whole line as real processes: kill -9 of strategy or data loses and doubles no order."""

import asyncio
from typing import Any

from cryptobot.bus.contracts.market import Candles, ListCandles
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.contracts.strategy import ListStrategies, Strategies
from cryptobot.bus.contracts.trade import LedgerReport, ListOrders, Orders, VerifyLedger
from cryptobot.services.strategy.base import Candle
from cryptobot.services.strategy.builtin.ema_cross import EmaCross
from cryptobot.services.strategy.graph import Live, Plan

HISTORY = ListCandles(exchange="paper", symbol="BTC/USDT", timeframe="1s", limit=2000)
SETTLES_S = 60.0


def crosses(candles: list[Any]) -> list[tuple[int, str]]:
    """Where the strategy's signals lie in these candles: (open time, side)."""
    strategy = EmaCross({"fast": 2, "slow": 3})
    live = Live(Plan(EmaCross, strategy._parameters, "1s"))
    found = []
    for message in candles:
        prices = (message.open, message.high, message.low, message.close, message.volume)
        if live.push(Candle(message.open_ms, *(float(price) for price in prices))):
            found.append((message.open_ms, "buy" if live.attributes()["rise"] else "sell"))
    return found


async def test_orders_are_those_of_the_candles_whatever_is_killed(line: Any) -> None:
    """With strategy and data killed in turns, each cross made one order and the ledger equals the venue's."""
    line.start("bus", "paper")
    bus = await line.open()
    await line.answers("paper", GetPaperInfo(), PaperInfo)
    line.start("data", "trade", "strategy")
    await line.answers("trade", ListOrders(limit=1), Orders)
    await line.answers("strategy", ListStrategies(), Strategies)
    begun = len(line.finished())
    await line.until(lambda: len(line.finished()) > begun)
    first = line.finished()[begun] * 1000
    for name in ("strategy", "data", "strategy"):
        heard = len(line.finished())
        await line.until(lambda heard=heard: len(line.finished()) >= heard + 4)
        line.kill(name)
        line.start(name)
    heard = len(line.finished())
    await line.until(lambda: len(line.finished()) >= heard + 8)
    await line.answers("strategy", ListStrategies(), Strategies)

    async with asyncio.timeout(SETTLES_S):
        while True:
            candles = (await bus.request("data", HISTORY, Candles)).candles
            orders = (await bus.request("trade", ListOrders(limit=500), Orders)).orders[::-1]
            last = candles[-1].open_ms - 3000
            expected = [cross for cross in crosses(candles) if first < cross[0] <= last]
            made = [(order.candle_open_ms, order.side) for order in orders if order.candle_open_ms <= last]
            if expected and made[-1:] == expected[-1:]:
                break
            await asyncio.sleep(0.2)
    while expected and expected[0][1] == "sell":
        expected = expected[1:]
    made = [order for order in made if order[0] >= expected[0][0]]

    assert expected == made
    assert len({order.client_order_id for order in orders}) == len(orders)
    assert {"FILLED"} == {order.state for order in orders if order.candle_open_ms <= last}
    report = await bus.request("trade", VerifyLedger(), LedgerReport, timeout_s=20.0)
    assert report.equal, report.differences
    await bus.close()
