"""Asking services over the bus: who answers, who does not, and when nobody is judged."""

from collections.abc import Iterator

import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Ping
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.supervisor.loop import Loop
from cryptobot.supervisor.watch.pings import Pings


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop that is run by the test."""
    one = Loop(pytest.fail)
    yield one
    one.close()


def _verdicts(loop: Loop, hub: MemoryHub, *names: str, timeout_s: float = 0.3) -> dict[str, bool]:
    bus, pings, found = hub.open_blocking("supervisor"), Pings(loop), {}

    def told(name: str, good: bool) -> None:
        found[name] = good
        if len(found) == len(names):
            loop.stop()

    try:
        for name in names:
            pings.ask(bus, name, timeout_s, lambda good, name=name: told(name, good))
        timer = loop.call_later(45, loop.stop)
        loop.run()
        timer.cancel()
    finally:
        pings.close()
        bus.close()
    return found


def test_who_answers_is_well_and_who_refuses_is_there(loop: Loop) -> None:
    """A refusal is an answer."""
    hub = MemoryHub()
    well, strict = hub.open_blocking("data"), hub.open_blocking("trade")

    def refuse(_request: object) -> Done:
        raise RequestFailedError("no", "Not now.")

    well.serve(Ping, lambda request: Done())
    strict.serve(Ping, refuse)
    try:
        assert _verdicts(loop, hub, "data", "trade", timeout_s=20) == {"data": True, "trade": True}
    finally:
        well.close()
        strict.close()


def test_who_does_not_answer_in_time_is_not_well(loop: Loop) -> None:
    """A loop that hangs while the process lives, heartbeats and all."""
    assert _verdicts(loop, MemoryHub(), "data") == {"data": False}
