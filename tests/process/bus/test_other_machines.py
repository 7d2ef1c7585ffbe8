"""Clients on another machine: a home, keys and addresses of their own; both are on loopback here."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus import endpoints, topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Ping
from cryptobot.bus.contracts.trade import TradingState
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusError, BusTimeoutError
from cryptobot.configs.machines import PORTS_EACH
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.machines import Machine, MachinesSettings
from cryptobot.supervisor.export.bundle import write_homes
from cryptobot.supervisor.export.plan import Plan

_DEADLINE_S = 45.0
_SERVICES = {"core": ["bus", "auth"], "money": ["trade"]}


def _free_block(length: int) -> int:
    """The first of so many neighbouring ports that nobody listens on."""
    for first in range(21_000, 60_000, length):
        try:
            for port in range(first, first + length):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no block of free ports")


@pytest.fixture
def machines(tmp_path: Path) -> dict[str, Home]:
    """Two homes as `cryptobot export` writes them, with their settings in force."""
    room = PORTS_EACH * 4
    first = _free_block(2 * room)
    hosts = {
        name: Machine(address="127.0.0.1", services=services, port=first + room * number)
        for number, (name, services) in enumerate(_SERVICES.items())
    }
    plan = Plan(MachinesSettings(hosts=hosts), Settings(), "", "postgresql://u@h/n", "/h", "/p", "u")
    write_homes(plan, tmp_path)
    homes = {name: Home(tmp_path / name / "home") for name in hosts}
    for name, one in homes.items():
        one.create()
        snapshot.write(one, Settings(machines=MachinesSettings(here=name, hosts=hosts)))
    return homes


@pytest.fixture
def home(machines: dict[str, Home]) -> Iterator[Home]:
    """The home of the machine with the broker."""
    yield machines["core"]


def _state(name: str) -> TradingState:
    return TradingState(state=name, reason="", actor="test", since_ms=1)


async def _three_states(reader: AsyncBus, money: AsyncBus) -> list[str]:
    """What the reader hears of three states, the second of which the network swallows."""
    heard: asyncio.Queue[Received[TradingState]] = asyncio.Queue()
    reader.subscribe(topics.TRADING_STATE, TradingState, heard.put_nowait)
    await asyncio.gather(reader.settled(_DEADLINE_S), money.settled(_DEADLINE_S))
    money.publish(topics.TRADING_STATE, _state("ACTIVE"))
    outgoing: Any = money._outgoing
    emit, outgoing.emit = outgoing.emit, lambda _frame: None
    money.publish(topics.TRADING_STATE, _state("HALTED"))
    outgoing.emit = emit
    money.publish(topics.TRADING_STATE, _state("REDUCING"))
    async with asyncio.timeout(_DEADLINE_S):
        return [(await heard.get()).message.state for _ in range(3)]


async def test_a_swallowed_event_comes_from_the_outbox_of_the_other_machine(
    machines: dict[str, Home], broker: Any
) -> None:
    """An event that never reached the broker is heard in its place, once; nothing counts as lost."""
    reader = await AsyncBus.open(machines["core"], "auth")
    money = await AsyncBus.open(machines["money"], "trade")

    assert await _three_states(reader, money) == ["ACTIVE", "HALTED", "REDUCING"]
    assert (reader.counters.lost, reader.counters.duplicates) == (0, 0)
    assert reader.counters.healed >= 1
    await reader.close()
    await money.close()


async def test_services_on_two_machines_answer_each_other(machines: dict[str, Home], broker: Any) -> None:
    """A request finds its service by the settings alone, and is answered over CURVE."""
    asker = await AsyncBus.open(machines["core"], "auth")
    money = await AsyncBus.open(machines["money"], "trade")
    money.serve(Ping, lambda _request: Done(message="pong"))

    answer = await asker.request("trade", Ping(), Done, timeout_s=_DEADLINE_S)

    assert answer.message == "pong"
    assert endpoints.of(machines["core"]).elsewhere("trade") == "money"
    assert endpoints.of(machines["money"]).elsewhere("trade") == ""
    await asker.close()
    await money.close()


async def test_a_machine_whose_keys_were_taken_away_is_shut_out(
    machines: dict[str, Home], broker: Any
) -> None:
    """Without its public keys on this side a machine reaches nobody here."""
    for path in (machines["core"].keys / "bus" / "money").iterdir():
        path.unlink()
    money = await AsyncBus.open(machines["money"], "trade")
    with pytest.raises(BusTimeoutError):
        await money.settled(1.0)
    await money.close()


async def test_a_missing_public_key_is_told(machines: dict[str, Home]) -> None:
    """Who is to ask a machine without having its key is told where the file belongs."""
    (machines["money"].keys / "bus" / "core" / "bus.json").unlink()
    with pytest.raises(BusError, match=r"public key of bus on core.*copy the folder of this machine"):
        await AsyncBus.open(machines["money"], "trade")
