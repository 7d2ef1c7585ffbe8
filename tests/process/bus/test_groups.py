"""Services that share a process ask each other without leaving it."""

from typing import Any

import pytest
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Ping
from cryptobot.bus.group import Group
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import BusSettings, Settings


def remove_sockets(home: Home) -> None:
    """Nothing can be reached through the file system any more."""
    for path in home.sockets.glob("*.sock"):
        path.unlink()


async def test_members_need_no_socket_of_the_file_system(home: Home) -> None:
    """A request between members is answered with every socket file gone; from outside it is not."""
    group = Group(home, frozenset({"data", "strategy"}))
    server = await AsyncBus.open(home, "data", group)
    server.serve(Ping, lambda request: Done(message=request.source))
    remove_sockets(home)
    caller = await AsyncBus.open(home, "strategy", group)
    assert (await caller.request("data", Ping(), Done, timeout_s=45)).message == "strategy"
    await caller.close()
    await server.close()


async def test_those_outside_ask_a_member_as_before(home: Home) -> None:
    """A member's server is bound where everyone looks for it as well."""
    server = await AsyncBus.open(home, "data", Group(home, frozenset({"data"})))
    server.serve(Ping, lambda request: Done(message=request.source))
    outside = await AsyncBus.open(home, "dashboard")
    assert (await outside.request("data", Ping(), Done, timeout_s=45)).message == "dashboard"
    await outside.close()
    await server.close()


async def test_with_keys_members_vouch_for_members_only(home: Home) -> None:
    """Over TCP a request from within the process may bear a member's name, and no other."""
    snapshot.write(home, Settings(bus=BusSettings(transport="tcp")))
    group = Group(home, frozenset({"data", "strategy"}))
    server = await AsyncBus.open(home, "data", group)
    asked: list[str] = []

    def answer(request: Any) -> Done:
        asked.append(request.source)
        return Done()

    server.serve(Ping, answer)
    guest, member = await AsyncBus.open(home, "guest", group), await AsyncBus.open(home, "strategy", group)
    with pytest.raises(BusError):
        await guest.request("data", Ping(), Done, timeout_s=1.0)
    await member.request("data", Ping(), Done, timeout_s=45)
    assert asked == ["strategy"]
    for bus in (guest, member, server):
        await bus.close()


def test_a_name_that_is_served_twice_in_a_process_is_refused(home: Home) -> None:
    """The sentence names it; the first goes on."""
    group = Group(home, frozenset({"data"}))
    with BlockingBus.open(home, "data", group) as first, BlockingBus.open(home, "data", group) as second:
        first.serve(Ping, lambda request: Done())
        with pytest.raises(BusError, match="data is in this process twice"):
            second.serve(Ping, lambda request: Done())
