"""The exchange over its life: restarts, several accounts, the end of the recording, the same game twice."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper.exchange import PaperExchange
from cryptobot.services.paper.faults import Fault

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
Market = Callable[..., Any]
Eventually = Callable[..., Awaitable[Any]]


async def test_a_restart_changes_nothing(market: Market) -> None:
    """Port, keys, balances, open orders and their order lists are as they were."""
    async with market() as customer:
        await customer.buy("0.05")
        await customer.buy(type="LIMIT", timeInForce="GTC", price="1500.00")
        common = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.02", "listClientOrderId": "both"}
        placed, _ = await customer.call("POST", "order/oco", **common, price="9000.00", stopPrice="500.00")
        before = [await customer.call("GET", path) for path in ("account", "openOrders", "openOrderList")]
        port, key = customer.exchange.port, customer.key
    async with market() as customer:
        after = [await customer.call("GET", path) for path in ("account", "openOrders", "openOrderList")]
        assert (customer.exchange.port, customer.key) == (port, key)
        canceled, _ = await customer.call("DELETE", "orderList", symbol="BTCUSDT", listClientOrderId="both")

    assert (placed, canceled) == (200, 200)
    assert before[0][1]["balances"] == after[0][1]["balances"]
    assert before[1:] == after[1:]
    assert len(after[1][1]) == 3


async def test_accounts_are_apart(market: Market) -> None:
    """Another account has keys and money of its own and sees nothing of the first."""
    async with market() as customer:
        await customer.buy()
        _, second = await customer.admin("POST", "accounts", {"name": "ann", "balances": {"USDT": "500"}})
        again, _ = await customer.admin("POST", "accounts", {"name": "ann", "balances": {}})
        customer.key, customer.secret = second["api_key"], second["api_secret"]
        _, account = await customer.call("GET", "account")
        _, orders = await customer.call("GET", "allOrders", symbol="BTCUSDT")

    assert again == 400
    assert account["balances"] == [{"asset": "USDT", "free": "500.00000000", "locked": "0.00000000"}]
    assert orders == []


async def test_money_comes_and_goes(market: Market) -> None:
    """A deposit is told as balanceUpdate and is in the account; more than there is does not leave."""
    async with market() as customer, customer.events() as socket:
        await customer.admin("POST", "deposits", {"asset": "USDT", "amount": "250.5"})
        event = await asyncio.wait_for(socket.receive_json(), 10)
        status, _ = await customer.admin("POST", "deposits", {"asset": "BTC", "amount": "-1"})
        _, account = await customer.call("GET", "account", omitZeroBalances="true")

    assert (event["e"], event["a"], event["d"]) == ("balanceUpdate", "USDT", "250.50000000")
    assert status == 400
    assert account["balances"][0]["free"] == "10250.50000000"


async def test_the_recording_starts_over(market: Market, tmp_path: Path, eventually: Eventually) -> None:
    """After the last candle comes the first, and the note says so."""
    file = tmp_path / "short.csv"
    rows = [f"{1_600_000_000 + i * 60},100.5,103,99.75,{100 + i % 3},12.5" for i in range(8)]
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    async with market(file=str(file), start=5, candle_interval_s=0.05) as customer:
        exchange = customer.exchange
        note, played = exchange.note, exchange.feed.timeline.number
        assert "short.csv" in note and ("started over" in note) == (played >= len(rows))
        await eventually(lambda: exchange.feed.timeline.number > 17)
        assert "started over 2 time(s)" in exchange.note


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no candles"),
        ("open,high,low,close,volume\n1,1,1,1,1", "none of the columns"),
        ("time,open,high,low,close\n1,1,1,1,1", "no column volume"),
        ("time,open,high,low,close,volume\n1,5,4,3,3,1", "row 1"),
        ("time,open,high,low,close,volume\n1,x,4,3,3,1", "row 1"),
        ("time,open,high,low,close,volume\n1,3,4,3,3,1\n1,3,4,3,3,1", "two candles"),
    ],
)
async def test_a_file_that_is_no_candles_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    """One sentence: the file, the row, what is wrong."""
    file = tmp_path / "bad.csv"
    file.write_text(content)

    with pytest.raises(StartError, match=reason) as caught:
        await PaperExchange(PaperSettings(file=str(file)), tmp_path / "home").start()
    assert "bad.csv" in str(caught.value)


async def test_the_same_game_gives_the_same_trades(market: Market) -> None:
    """Two exchanges with one seed fill the same orders at the same steps alike, to the last digit."""
    seen = []
    for folder in ("one", "two"):
        async with market(folder, candle_interval_s=600.0) as customer:
            engine, trades = customer.exchange.engine, []
            for number in range(40):
                tick = 2500 + (number * 37) % 400
                engine.step("BTCUSDT", tick * 10**8, 5 * 10**8, number % 2 == 0, 40 * 10**8, number, number)
                customer.exchange.desk.settle()
                _, filled = await customer.buy("0.01", newOrderRespType="FULL")
                trades.append([(f["price"], f["qty"], f["commission"]) for f in filled["fills"]])
            seen.append(trades)

    assert seen[0] == seen[1]


async def test_a_reader_that_does_not_read_is_dropped(market: Market, eventually: Eventually) -> None:
    """The others are served as before."""
    async with market(candle_interval_s=0.05) as customer:
        reader, writer = await asyncio.open_connection("127.0.0.1", customer.exchange.port)
        writer.write(
            b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        hub = customer.exchange.hub
        (slow,) = await eventually(lambda: tuple(hub.connections))
        for _ in range(40_000):
            slow.send(b"x" * 512)

        await eventually(lambda: slow not in hub.connections)
        assert (await customer.buy())[0] == 200
        writer.close()


async def test_faults_can_be_injected_in_the_process(market: Market) -> None:
    """Without HTTP, for tests that hold the exchange themselves."""
    async with market() as customer:
        customer.exchange.inject(Fault("reject", "POST /api/v3/order"))

        assert (await customer.buy())[0] == 400


async def test_several_markets_are_played_in_step(market: Market, tmp_path: Path) -> None:
    """Each from its own file, with rules that fit its price; one account trades on all."""
    prices = [f"0.00000{i}1,0.0000091,0.0000011,0.00000{i}1" for i in range(2, 9)]
    rows = [f"{1_600_000_000 + i * 60},{four},5000000000" for i, four in enumerate(prices)]
    file = tmp_path / "coin.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    async with market(markets={"PEPE/USDT": str(file)}) as customer:
        assert customer.exchange.symbols == ["BTC/USDT", "PEPE/USDT"]
        status, order = await customer.buy("5000000", symbol="PEPEUSDT", newOrderRespType="FULL")
        _, account = await customer.call("GET", "account")

    assert (status, order["status"]) == (200, "FILLED")
    held = {b["asset"]: b["free"] for b in account["balances"]}
    assert held["PEPE"] == "4995000.00000000"


async def test_made_up_candles_are_the_same_for_the_same_seed(market: Market) -> None:
    """And others for another."""
    seen = []
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        async with market(folder, source="synthetic", seed=seed, candle_interval_s=60.0) as customer:
            recording = customer.exchange.script.recording
            seen.append([recording[number] for number in range(0, 20_000, 500)])
            assert "made up" in customer.exchange.note

    assert seen[0] == seen[1] != seen[2]
    assert all(0 < b.low <= min(b.open, b.close) <= max(b.open, b.close) <= b.high for b in seen[0])


async def test_an_order_takes_its_time_to_the_book(market: Market) -> None:
    """paper.latency_s passes before it is matched."""
    async with market(latency_s=0.4) as customer:
        begun = asyncio.get_running_loop().time()
        await customer.buy()

        assert asyncio.get_running_loop().time() - begun >= 0.4


async def test_a_disk_that_fails_ends_the_exchange(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers nothing that it could not store, and says that it failed."""

    def broken(writes: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with market() as customer:
        monkeypatch.setattr(customer.exchange.storage, "write", broken)
        status, body = await customer.buy()
        assert (status, body["code"]) == (500, -1000)
        with pytest.raises(sqlite3.OperationalError, match="disk is full"):
            await asyncio.wait_for(customer.exchange.failed, 10)


async def test_recorded_books_are_played_and_traded_on(market: Market, eventually: Eventually) -> None:
    """Real levels of real minutes: a buyer pays the recorded ask."""
    path = DATA / "l2" / "binance_ws" / "spot_btcusdt_20240808.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    async with market(file=str(path), start=0, candle_interval_s=1.0) as customer:
        exchange = customer.exchange
        await eventually(lambda: exchange.feed.timeline.number >= 1)
        best = exchange.feed.tapes["BTCUSDT"].depth.best()
        status, order = await customer.buy("0.0001", newOrderRespType="FULL")

    assert 61_000 * 10**8 < best[0] < best[2] < 62_500 * 10**8
    assert (status, order["status"]) == (200, "FILLED")
    assert 61_000 < float(order["fills"][0]["price"]) < 62_500
