"""The live stream and the gateway behind it."""

import asyncio
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cryptobot.bus import topics
from cryptobot.bus.contracts.auth import AuditEntry, AuditLog, ListAudit
from cryptobot.bus.contracts.market import Book, Candle
from cryptobot.bus.contracts.service import GetStatus, Heartbeat, ServiceStatus, SupervisorStatus
from cryptobot.bus.contracts.trade import Equity, Position
from cryptobot.dashboard import gateway as gateway_module
from cryptobot.dashboard.live import Client
from cryptobot.dashboard.sessions import COOKIE, Proof
from cryptobot.dashboard.state import MAX_EQUITY_POINTS, LiveState, Series

MakeRig = Callable[[], Any]
BASE = "https://localhost:8443"
CORE = frozenset({"core"})


class Browser:
    """The other end of a WebSocket; what it got is in `messages`."""

    def __init__(
        self,
        rig: Any,
        *,
        origin: str = "https://localhost:8443",
        holder: str = "good",
        channels: str = "core",
    ):
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.accepted, self.code = False, 0
        self.free = asyncio.Event()
        self.free.set()
        self._gone = asyncio.Event()
        self._asked = iter([{"type": "websocket.connect"}])
        scope = {
            "type": "websocket",
            "path": "/live",
            "query_string": f"channels={channels}".encode(),
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"host", b"localhost:8443"),
                (b"origin", origin.encode()),
                (b"cookie", f"{COOKIE}={holder}".encode()),
            ],
        }
        self.task = asyncio.ensure_future(rig.live(scope, self.receive, self.send))

    async def receive(self) -> Any:
        """What the server hears."""
        for message in self._asked:
            return message
        await self._gone.wait()
        return {"type": "websocket.disconnect"}

    async def send(self, message: Any) -> None:
        """What the server says; waits while the browser is slow."""
        if message["type"] == "websocket.accept":
            self.accepted = True
        elif message["type"] == "websocket.close":
            self.code = message["code"]
        else:
            await self.free.wait()
            self.messages.put_nowait(json.loads(message["text"]))

    async def next(self) -> Any:
        """The next message."""
        return await asyncio.wait_for(self.messages.get(), 30)

    async def leave(self) -> None:
        """Close the page."""
        self._gone.set()
        await asyncio.wait_for(self.task, 30)


async def test_a_browser_gets_a_snapshot_and_then_what_changed(make_rig: MakeRig) -> None:
    """First the whole state, then single changes."""
    rig = await make_rig()
    browser = Browser(rig)
    first = await browser.next()

    rig.hub.put("core", "trading", "trading", {"state": "HALTED"})

    assert first["type"] == "snapshot"
    assert await browser.next() == {"type": "update", "items": [["trading", {"state": "HALTED"}]]}
    await browser.leave()


async def test_changes_of_one_thing_are_merged_to_the_newest(make_rig: MakeRig) -> None:
    """A hundred changes within a tenth of a second are one message with one item."""
    rig = await make_rig()
    browser = Browser(rig)
    await browser.next()
    rig.hub.put("core", "a", "price", 0)
    await browser.next()

    for number in range(100):
        rig.hub.put("core", "a", "price", number)

    assert (await browser.next())["items"] == [["price", 99]]
    assert browser.messages.empty()
    await browser.leave()


async def test_a_stream_ends_when_the_time_of_its_session_runs_out(make_rig: MakeRig) -> None:
    """An open page alone does not keep a session alive: auth is asked without telling of use."""
    rig = await make_rig()
    now_ms = time.time_ns() // 1_000_000
    rig.auth.sessions["good"] = msgspec.structs.replace(rig.auth.sessions["good"], expires_ms=now_ms + 1000)
    browser = Browser(rig)
    await browser.next()
    rig.auth.sessions.clear()

    await asyncio.wait_for(browser.task, 30)

    assert browser.code == 4401
    assert rig.auth.used == [True, False]


async def test_a_session_that_was_used_elsewhere_keeps_its_stream(make_rig: MakeRig) -> None:
    """The stream lives as long as the session does, not as long as it was to live when it began."""
    rig = await make_rig()
    lasting, now_ms = rig.auth.sessions["good"], time.time_ns() // 1_000_000
    rig.auth.sessions["good"] = msgspec.structs.replace(lasting, expires_ms=now_ms + 1000)
    browser = Browser(rig)
    await browser.next()
    rig.auth.sessions["good"] = lasting

    await asyncio.wait_for(rig.auth.looked.wait(), 30)
    rig.hub.put("core", "a", "price", 1)

    assert (await browser.next())["items"] == [["price", 1]]
    await browser.leave()


async def test_a_slow_browser_gets_a_new_snapshot_instead_of_a_queue(make_rig: MakeRig) -> None:
    """While it takes one message nothing piles up; then it is told what it missed and sees the last state."""
    rig = await make_rig()
    browser = Browser(rig)
    await browser.next()
    browser.free.clear()
    for number in range(5):
        rig.hub.put("core", "a", "price", number)
        rig.hub._flush()
        await asyncio.sleep(0)

    browser.free.set()

    assert (await browser.next())["items"] == [["price", 0]]
    resynced = await browser.next()
    assert (resynced["type"], resynced["skipped"]) == ("snapshot", 4)
    await browser.leave()


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8443"},
        {"holder": "stolen"},
        {"holder": ""},
    ],
)
async def test_strangers_are_refused_before_the_socket_is_accepted(
    make_rig: MakeRig, wrong: dict[str, str]
) -> None:
    """Origin and session are checked first."""
    browser = Browser(await make_rig(), **wrong)

    await asyncio.wait_for(browser.task, 30)

    assert (browser.accepted, browser.code) == (False, 4403)


async def test_a_channel_needs_its_permission(make_rig: MakeRig) -> None:
    """Who may not read services or the audit trail gets neither by asking for the channel."""
    rig = await make_rig()
    browser = Browser(rig, holder="poor", channels="core,money,audit,nonsense")

    state = (await browser.next())["state"]

    assert set(state) & {"orders", "services", "audit"} == {"orders"}
    await browser.leave()


async def test_a_revoked_session_ends_its_stream(make_rig: MakeRig) -> None:
    """The page is told with a code of its own, and goes to the login."""
    rig = await make_rig()
    browser = Browser(rig)
    await browser.next()
    rig.auth.sessions.clear()
    rig.sessions.forget_user("admin")

    await rig.live.recheck("admin")
    await asyncio.wait_for(browser.task, 30)

    assert browser.code == 4401
    assert rig.hub.clients == []


async def test_a_lesser_role_ends_streams_of_what_it_may_not_see(make_rig: MakeRig) -> None:
    """Open pages lose what their user may no longer read; other streams of that user go on."""
    rig = await make_rig()
    services, money = Browser(rig, channels="core"), Browser(rig, channels="money")
    await services.next()
    await money.next()
    session = rig.auth.sessions["good"]
    rig.auth.sessions["good"] = msgspec.structs.replace(session, permissions=["trade.read"])
    rig.sessions.forget_user("admin")

    await rig.live.recheck("admin")
    await asyncio.wait_for(services.task, 30)

    assert services.code == 1001
    assert [client.channels for client in rig.hub.clients] == [frozenset({"money"})]
    again = Browser(rig, channels="core")
    assert "services" not in (await again.next())["state"]
    await again.leave()
    await money.leave()


async def test_a_browser_that_left_is_forgotten(make_rig: MakeRig) -> None:
    """No client stays behind."""
    rig = await make_rig()
    browser = Browser(rig)
    await browser.next()

    await browser.leave()

    assert rig.hub.clients == []


async def test_one_who_opens_very_many_streams_keeps_nobody_else_out(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all places are taken, who has most of them gives one to a newcomer, and gets no further one."""
    monkeypatch.setattr("cryptobot.dashboard.live.MAX_CLIENTS", 3)
    rig = await make_rig()
    greedy = [Browser(rig, holder="poor", channels="money") for _ in range(3)]
    for one in greedy:
        await one.next()

    newcomer, further = Browser(rig), Browser(rig, holder="poor", channels="money")
    await newcomer.next()
    await asyncio.wait_for(further.task, 30)
    (ended, _) = await asyncio.wait([one.task for one in greedy], timeout=30, return_when="FIRST_COMPLETED")

    assert (newcomer.accepted, further.accepted, further.code) == (True, False, 4403)
    assert len(ended) == 1
    assert sorted(one.code for one in greedy) == [0, 0, 1001]
    for one in (newcomer, *(one for one in greedy if not one.code)):
        await one.leave()
    assert rig.hub.clients == []


async def test_candles_of_the_bus_reach_a_browser_that_follows_the_market(make_rig: MakeRig) -> None:
    """From a publisher on the bus to the page, with numbers for drawing."""
    rig = await make_rig()
    data = await rig.memory.open_async("data")
    await rig.gateway.start()
    browser = Browser(rig, channels="market")
    await browser.next()
    candle = Candle(
        exchange="paper",
        symbol="BTC/USDT",
        timeframe="1s",
        open_ms=1000,
        open="1.5",
        high="2",
        low="1",
        close="1.75",
        volume="3",
        closed=True,
    )

    data.publish(topics.candle("paper", "BTC/USDT", "1s"), candle)

    expected = {"key": "paper|BTC/USDT|1s", "row": [1000, 1.5, 2.0, 1.0, 1.75, 3.0, True]}
    assert (await browser.next())["items"] == [["candle", expected]]
    await browser.leave()
    await rig.gateway.close()


async def test_a_service_is_asked_when_it_gives_its_first_sign_of_life(make_rig: MakeRig) -> None:
    """The supervisor that starts after the dashboard is asked for its list, and asked once."""
    rig = await make_rig()
    supervisor, asked = await rig.memory.open_async("supervisor"), []
    status = ServiceStatus(
        name="trade",
        title="Orders",
        state="RUNNING",
        ready=True,
        pid=7,
        uptime_s=1.0,
        restarts=0,
        cpu_percent=0.1,
        rss_bytes=1,
        health="healthy",
        reason="",
        requires=["bus"],
    )

    def answer(request: Any) -> SupervisorStatus:
        asked.append(request)
        return SupervisorStatus(pid=1, state="RUNNING", uptime_s=1.0, version="1", services=[status])

    supervisor.serve(GetStatus, answer)
    rig.gateway._stale.add("supervisor")
    told = asyncio.Event()
    rig.gateway.on_resync = told.set
    heartbeat = rig.gateway._heartbeat
    rig.bus.subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, heartbeat)

    for progress in range(3):
        beat = Heartbeat(name="supervisor", pid=1, progress=progress, loop_lag_ms=0.0)
        supervisor.publish(topics.service_heartbeat("supervisor"), beat)
    await asyncio.wait_for(told.wait(), 30)

    assert [view["name"] for view in rig.gateway.state.services.values()] == ["trade"]
    assert len(asked) == 1
    await rig.gateway.close()


async def test_a_silent_bus_is_told_and_so_is_its_return(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No heartbeat at all means no bus; the next one means it is back."""
    monkeypatch.setattr(gateway_module, "SILENCE_S", 0.05)
    rig = await make_rig()
    links: asyncio.Queue[bool] = asyncio.Queue()
    rig.gateway.on_change = lambda channel, key, kind, data: (
        kind == "link" and links.put_nowait(data["connected"])
    )
    rig.bus.subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, rig.gateway._heartbeat)
    other = await rig.memory.open_async("paper")
    beat = Heartbeat(name="paper", pid=1, progress=1, loop_lag_ms=0.0)

    seen = []
    for _ in range(2):
        other.publish(topics.service_heartbeat("paper"), beat)
        seen += [await asyncio.wait_for(links.get(), 30), await asyncio.wait_for(links.get(), 30)]

    assert seen == [True, False, True, False]
    await rig.gateway.close()


def test_the_equity_curve_is_thinned_and_never_cut() -> None:
    """A year of points keeps its first one and stays bounded."""
    state = LiveState()
    for number in range(MAX_EQUITY_POINTS * 3):
        state.put_equity(
            Equity(
                exchange="paper",
                currency="USDT",
                equity=Decimal(number),
                start_equity=Decimal(0),
                ts_ms=number,
                realised_pnl=Decimal(0),
                unrealised_pnl=Decimal(0),
            )
        )

    assert len(state.equity_points) <= MAX_EQUITY_POINTS
    assert state.equity_points[0][0] == 0
    assert state.equity_points[-1][0] == MAX_EQUITY_POINTS * 3 - 1


def test_a_late_candle_finds_its_place() -> None:
    """Candles stay in the order of time whatever order they come in."""
    series = Series("paper", "BTC/USDT", "1s")
    for open_ms in (1000, 3000, 2000, 3000):
        series.put(
            Candle(
                exchange="paper",
                symbol="BTC/USDT",
                timeframe="1s",
                open_ms=open_ms,
                open="1",
                high="1",
                low="1",
                close="1",
                volume="1",
                closed=True,
            )
        )

    assert list(series.rows) == [1000, 2000, 3000]


def test_a_client_knows_how_much_it_skipped() -> None:
    """Each message that found the client busy is counted."""
    client = Client(session=None, proof=Proof(""), address="", channels=CORE)  # type: ignore[arg-type]
    client.offer(b"1")
    client.offer(b"2")
    client.offer(b"3")

    assert (client.behind, client.skipped) == (True, 2)


async def test_the_tail_shows_what_passes_and_counts_what_is_too_much(make_rig: MakeRig) -> None:
    """A flood is cut to sixty lines a tick, and every message of it is in the counts of its topic."""
    rig = await make_rig()
    told: list[tuple[str, Any]] = []
    tail = rig.gateway.on_demand(lambda channel, key, kind, data: told.append((kind, data)))["bus"]
    tail.start()
    other = await rig.memory.open_async("paper")
    beat = Heartbeat(name="paper", pid=1, progress=1, loop_lag_ms=0.0)

    for _ in range(200):
        other.publish(topics.service_heartbeat("paper"), beat)
    end = asyncio.get_running_loop().time() + 30
    while tail._counts["service.heartbeat.paper"] < 200:
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0)

    lines = [data for kind, data in told if kind == "tail"]
    assert 60 <= len(lines) < 200
    assert "service.heartbeat.paper" in {line["topic"] for line in lines}
    tail.stop()


def test_a_position_is_valued_at_the_newest_price() -> None:
    """Between two fills the gain moves with the market, to the last digit."""
    state = LiveState()
    state.positions["paper|BTC/USDT"] = Position(
        exchange="paper",
        symbol="BTC/USDT",
        amount=Decimal("0.5"),
        average=Decimal("100"),
        realised_pnl=Decimal(0),
        unrealised_pnl=Decimal(0),
        fees=Decimal(0),
        updated_ms=1,
    )
    candle = Candle(
        exchange="paper",
        symbol="BTC/USDT",
        timeframe="1s",
        open_ms=1,
        open="1",
        high="1",
        low="1",
        close="100.01",
        volume="1",
        closed=False,
    )

    [valued] = state.revalue(candle)

    assert valued.unrealised_pnl == Decimal("0.005")


async def test_books_are_subscribed_to_only_while_somebody_looks(make_rig: MakeRig) -> None:
    """The first who opens the market page starts the stream of books, the last who leaves ends it."""
    rig = await make_rig()
    data = await rig.memory.open_async("data")
    book = Book(exchange="paper", symbol="BTC/USDT", ts_ms=1, bids=[("1", "2")] * 50, asks=[("3", "4")])
    rig.auth.sessions["good"].permissions.append("market.read")
    browser = Browser(rig, channels="depth")
    await browser.next()

    data.publish(topics.book("paper", "BTC/USDT"), book)

    (kind, seen), *_ = (await browser.next())["items"]
    assert (kind, len(seen["bids"]), seen["asks"]) == ("book", 12, [["3", "4"]])
    await browser.leave()
    assert rig.hub._on_demand["depth"]._subscriptions == []


async def test_the_audit_trail_of_before_is_asked_from_auth(make_rig: MakeRig) -> None:
    """What happened before the dashboard started is on the page, oldest first in the state."""
    rig = await make_rig()
    entries = [
        AuditEntry(
            number=number,
            ts_ms=number,
            source="auth",
            kind="login",
            actor=f"user{number}",
            action="login",
            subject="",
            detail="",
            ok=True,
            seal="",
        )
        for number in (2, 1)
    ]
    rig.auth.bus.serve(ListAudit, lambda request: AuditLog(entries=entries))
    told = asyncio.Event()
    rig.gateway.on_resync = told.set

    rig.gateway.refresh("auth")
    await asyncio.wait_for(told.wait(), 30)

    assert [entry["audit"].actor for entry in rig.gateway.state.audit] == ["user1", "user2"]
    await rig.gateway.close()
