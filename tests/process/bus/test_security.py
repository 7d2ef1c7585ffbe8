"""Over TCP every client is known by its key, and may only do what its name allows."""

import asyncio
import stat
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from cryptobot.bus import endpoints, frames, keys
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import Candle
from cryptobot.bus.contracts.service import Audit, Ping
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusTimeoutError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import BusSettings, Settings


@pytest.fixture
def secure(home: Home) -> Iterator[Home]:
    """A home whose bus is TCP, with its broker. It must be asked for before the broker starts."""
    snapshot.write(home, Settings(bus=BusSettings(transport="tcp")))
    yield home


def candle(close: str) -> Candle:
    """A candle told apart by its close."""
    return Candle(
        exchange="p",
        symbol="s",
        timeframe="1s",
        open_ms=1,
        open="1",
        high="1",
        low="1",
        close=close,
        volume="1",
        closed=True,
    )


async def test_only_the_owner_of_a_topic_publishes_on_it(secure: Home, broker: Any) -> None:
    """Candles from a service other than data do not pass; those of data do."""
    data, thief = await AsyncBus.open(secure, "data"), await AsyncBus.open(secure, "strategy")
    inbox: asyncio.Queue[Received[Candle]] = asyncio.Queue()
    data.subscribe("market.", Candle, inbox.put_nowait)
    await asyncio.gather(data.settled(), thief.settled())
    thief.publish("market.candle.p.s.1s", candle("666"))
    await thief.settled()
    data.publish("market.candle.p.s.1s", candle("1"))
    async with asyncio.timeout(10):
        assert (await inbox.get()).message.close == "1"
    await data.close()
    await thief.close()


async def test_what_is_kept_from_a_service_does_not_reach_it(secure: Home, broker: Any) -> None:
    """The strategy service cannot read the audit log, the dashboard can."""
    strategy, dashboard = await AsyncBus.open(secure, "strategy"), await AsyncBus.open(secure, "dashboard")
    stolen, seen = asyncio.Queue(), asyncio.Queue()  # type: ignore[var-annotated]
    strategy.subscribe("audit.", Audit, stolen.put_nowait)
    dashboard.subscribe("audit.", Audit, seen.put_nowait)
    await asyncio.gather(strategy.settled(), dashboard.settled())
    dashboard.publish(
        "audit.login", Audit(kind="login", actor="a", action="b", subject="c", detail="d", ok=True)
    )
    async with asyncio.timeout(10):
        await seen.get()
    await strategy.settled()
    assert stolen.empty()
    await strategy.close()
    await dashboard.close()


async def test_a_false_name_is_not_served(secure: Home, broker: Any) -> None:
    """A request in another's name is dropped."""
    server, client = await AsyncBus.open(secure, "data"), await AsyncBus.open(secure, "dashboard")
    server.serve(Ping, lambda request: Done(message=request.source))
    assert (await client.request("data", Ping(), Done)).message == "dashboard"
    client._source = frames.name_bytes("trade")
    with pytest.raises(BusTimeoutError):
        await client.request("data", Ping(), Done, timeout_s=0.5, tries=2)
    await server.close()
    await client.close()


def test_a_stranger_without_a_known_key_gets_nothing(secure: Home, broker: Any) -> None:
    """A subscriber with a key of its own making receives no frame, until its key is on the allow-list."""
    public, secret = zmq.curve_keypair()
    context = zmq.Context()
    stranger = context.socket(zmq.SUB)
    stranger.curve_publickey, stranger.curve_secretkey = public, secret
    stranger.curve_serverkey = keys.pair(secure, "bus").public
    stranger.subscribe(b"service.heartbeat.")
    stranger.reconnect_ivl = 20
    stranger.connect(endpoints.of(secure).address(endpoints.SUBSCRIBE))
    assert stranger.poll(1500) == 0
    path = secure.keys / "bus" / "friend.json"
    path.write_text(f'{{"public": "{public.decode()}", "secret": ""}}')
    assert stranger.poll(15_000) == zmq.POLLIN
    context.destroy(0)


def test_keys_are_private_and_made_once(home: Home) -> None:
    """Numbered clients share a pair; files are readable by the user only; no repr shows a secret."""
    first = keys.pair(home, "cli-1")
    assert keys.pair(home, "cli-2") == first
    assert keys.pair(home, "data") != first
    for path in (home.keys / "bus").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.secret.decode() not in repr(first)
    assert set(keys.allowed(home).values()) == {"cli", "data"}


def test_a_port_that_is_taken_is_left_to_its_owner(secure: Home) -> None:
    """A server whose port was taken by another program moves, and the address says where."""
    places = endpoints.of(secure)
    old = places.address("data")
    assert places.address("data") == old
    squatter = zmq.Context()
    taken = squatter.socket(zmq.PULL)
    taken.bind(old)

    async def ask() -> str:
        client, server = await AsyncBus.open(secure, "dashboard"), await AsyncBus.open(secure, "data")
        asking = asyncio.ensure_future(client.request("data", Ping(), Done, timeout_s=10.0))
        await asyncio.sleep(0)
        server.serve(Ping, lambda request: Done(message="moved"))
        reply = await asking
        await client.close()
        await server.close()
        return reply.message

    assert asyncio.run(ask()) == "moved"
    assert places.address("data") != old
    squatter.destroy(0)
