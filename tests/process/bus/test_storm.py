"""A storm: publisher, broker and consumer are killed at random; no event is lost, none counts twice."""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus.outbox import folder_of, last_numbers
from cryptobot.bus.segments import paths
from cryptobot.configs.paths import Home

PUBLISHER = """
import asyncio, os, sys
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs.paths import Home
async def main():
    bus = await AsyncBus.open(Home.find(sys.argv[1]), "publisher")
    ledger = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    alerts = bus.topic("alert.info", Alert)
    while True:
        for _ in range(20):
            sent = alerts.send(Alert(key="k", severity="info", source="t", title="t", detail="d"))
            os.write(ledger, b"%d\\n" % sent.seq)
        await asyncio.sleep(0.005)
asyncio.run(main())
"""
CONSUMER = """
import asyncio, os, sys
from pathlib import Path
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs.paths import Home
async def main():
    effects = Path(sys.argv[2])
    done = set(effects.read_text().split()) if effects.exists() else set()
    file = os.open(effects, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    bus = await AsyncBus.open(Home.find(sys.argv[1]), "consumer")
    def handle(received):
        key = str(received.seq)
        if key not in done:  # a crash between the effect and the position brings a message again
            os.write(file, key.encode() + b"\\n")
            done.add(key)
    bus.subscribe("alert.", Alert, handle, durable="storm")
    await asyncio.Event().wait()
asyncio.run(main())
"""
BROKER = (
    "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
    "sys.exit(main(Home.find(sys.argv[1])))"
)


class Storm:
    """Three processes, killed and started."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.ledger, self.effects = home, folder / "ledger", folder / "effects"
        self.kills = 0
        self._commands = {
            "broker": [BROKER, os.fspath(home.root)],
            "publisher": [PUBLISHER, os.fspath(home.root), os.fspath(self.ledger)],
            "consumer": [CONSUMER, os.fspath(home.root), os.fspath(self.effects)],
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        self.running[name] = subprocess.Popen([sys.executable, "-c", *self._commands[name]])

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait(10)
        self.kills += 1

    def handled(self) -> list[int]:
        """The numbers that had an effect, in their order."""
        return [int(each) for each in self.effects.read_text().split()] if self.effects.exists() else []

    def published(self) -> list[int]:
        """The numbers whose sending returned."""
        return [int(each) for each in self.ledger.read_text().splitlines()] if self.ledger.exists() else []

    def written(self) -> int:
        """The last number in the outbox."""
        return last_numbers(paths(folder_of(self.home, "publisher"))[-1].read_bytes())["alert.info"]


@pytest.fixture
def storm(home: Home, tmp_path: Path) -> Iterator[Storm]:
    """A storm whose processes end with the test."""
    made = Storm(home, tmp_path)
    yield made
    for name in tuple(made.running):
        with contextlib.suppress(ProcessLookupError):
            made.kill(name)


def wait_for(condition: Any, seconds: float, what: str) -> None:
    """Look until it holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)  # nothing tells when another process has written a file


@pytest.mark.parametrize("kills", [9, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_no_event_is_lost_and_none_counts_twice(storm: Storm, kills: int) -> None:
    """Every number that was written arrives, each has one effect, whoever was killed when."""
    chance = random.Random(20261122)
    for name in ("broker", "consumer", "publisher"):
        storm.start(name)
    wait_for(lambda: storm.handled(), 20, "the storm did not begin")
    for _ in range(kills):
        victim = chance.choice(("broker", "consumer", "publisher"))
        before = len(storm.published())
        storm.kill(victim)
        storm.start(victim)
        wait_for(lambda: len(storm.published()) > before, 30, "the publisher did not go on")  # noqa: B023
    storm.kill("publisher")
    last = storm.written()
    wait_for(lambda: last in storm.handled()[-1:], 40, f"{last} was not handled: {storm.handled()[-3:]}")
    handled, published = storm.handled(), storm.published()
    assert len(handled) == len(set(handled)), "an event had two effects"
    missing = sorted(set(published) - set(handled))
    assert not [number for number in missing if number > handled[0]], f"lost: {missing[:20]}"
    assert handled == sorted(handled)
