"""The same seed, recording and orders give the same fills, byte for byte."""

import hashlib
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper import wire
from cryptobot.services.paper.exchange import PaperExchange
from cryptobot.services.paper.orders import NewOrder, RefusedError
from cryptobot.services.paper.units import UNIT, floor

SLOTS = 100
SYMBOL = "BTCUSDT"


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def wishes(dice: random.Random, last: int) -> list[NewOrder]:
    """What a customer asks for in one slot; the same for the same dice."""
    found = []
    for _ in range(dice.randrange(3)):
        kind, side = dice.choice(("MARKET", "LIMIT", "LIMIT", "STOP_LOSS")), dice.choice(("BUY", "SELL"))
        quantity = dice.randrange(1, 400) * UNIT // 1000
        off = floor(last * dice.randrange(985, 1016) // 1000, UNIT // 100)
        price, stop = (off if kind == "LIMIT" else 0), (off if kind == "STOP_LOSS" else 0)
        found.append(NewOrder(SYMBOL, side, kind, "", "GTC", quantity, 0, price, stop))
    return found


async def played(folder: Path, settings: PaperSettings) -> tuple[str, int]:
    """Play some slots with orders; a digest of every execution report, and how many trades there were."""
    clock, dice, digest, trades = Clock(), random.Random(5), hashlib.sha256(), 0
    exchange = PaperExchange(settings, folder, clock)
    await exchange.start()
    try:
        for task in exchange._tasks[:1]:
            task.cancel()  # the test plays, not the clock
        feed, engine = exchange.feed, exchange.engine
        told: list[dict[str, Any]] = []
        exchange._send = lambda account, events: told.extend(events)  # type: ignore[method-assign]
        for _ in range(SLOTS):
            number = feed.timeline.number
            for offset_ms, index, tape, event in feed._schedule(number):
                feed._happen(tape, number, index, event, clock.now_ms + offset_ms)
            for wish in wishes(dice, engine.market(SYMBOL).last):
                try:
                    engine.place("main", wish, clock.now_ms)
                except RefusedError as error:
                    digest.update(str(error.code).encode())
            for report in engine.changes.reports:
                digest.update(repr(sorted(wire.execution_report(report, clock.now_ms).items())).encode())
            trades += len(engine.changes.trades)
            exchange.desk.settle()
            feed.timeline.finish()
            clock.now_ms += exchange.interval_ms
        for account, asset, free, locked in _balances(exchange):
            digest.update(f"{account}{asset}{free}{locked}".encode())
    finally:
        await exchange.stop()
    return digest.hexdigest(), trades


def _balances(exchange: PaperExchange) -> list[tuple[str, str, int, int]]:
    balances = exchange.engine.balances
    return [
        (account, asset, balances.free(account, asset), balances.locked(account, asset))
        for account in sorted(balances.accounts())
        for asset in ("BTC", "USDT")
    ]


@pytest.mark.parametrize("source", ["recorded", "synthetic"])
@pytest.mark.parametrize("queue", [False, True])
async def test_the_same_input_gives_the_same_fills(tmp_path: Path, source: Any, queue: bool) -> None:
    """Two exchanges with one seed and the same orders tell the same reports, to the byte."""
    balances = {"USDT": "100000", "BTC": "10"}

    def settings(seed: int) -> PaperSettings:
        money = {asset: Decimal(amount) for asset, amount in balances.items()}
        return PaperSettings(source=source, seed=seed, queue_position=queue, balances=money)

    first, trades = await played(tmp_path / "a", settings(3))
    again, _ = await played(tmp_path / "b", settings(3))
    assert trades > 20
    assert first == again
    if source == "synthetic":
        other, _ = await played(tmp_path / "c", settings(4))
        assert first != other
