"""The life of a service: setup, ready, work, stop."""

import asyncio

import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Heartbeat, Ping
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import StartError
from cryptobot.configs.notify import Notifier
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.host.service import Service


class RecordingNotifier(Notifier):
    """Keeps what a supervisor would be told."""

    def __init__(self):
        super().__init__({})
        self.told = []

    def send(self, **fields):
        self.told.append(fields)
        return True


class Recorded(Service):
    """Notes its steps."""

    name = "recorded"

    async def setup(self):
        self.steps = ["setup"]

    async def stop(self):
        self.steps.append("stop")


async def live(service_class, home, during):
    """Run a service on a memory bus while `during(service, client)` happens; it, and what it told."""
    hub = MemoryHub()
    bus, client = await hub.open_async(service_class.name), await hub.open_async("test")
    service, notifier = service_class(home, Settings(), bus, structlog.get_logger()), RecordingNotifier()
    life = asyncio.create_task(service.serve_until_stopped(notifier))
    try:
        await during(service, client)
        await asyncio.wait_for(life, 30)
    finally:
        await client.close()
        await bus.close()
    return service, notifier.told


@pytest.fixture
def home(tmp_path):
    """A home that nothing is written to."""
    return Home(tmp_path)


def test_a_service_is_ready_beats_answers_and_stops(home):
    """Setup, READY, a heartbeat with progress, an answer to Ping, STOPPING, stop."""

    async def during(service, client):
        beats = asyncio.Queue()
        client.subscribe(
            topics.SERVICE_HEARTBEATS, Heartbeat, lambda received: beats.put_nowait(received.message)
        )
        first = await asyncio.wait_for(beats.get(), 30)
        second = await asyncio.wait_for(beats.get(), 30)
        assert second.progress == first.progress + 1
        assert (await client.request("recorded", Ping(), Done)).message == "pong"
        service.end()

    service, told = asyncio.run(live(Recorded, home, during))
    assert service.steps == ["setup", "stop"]
    keys = [key for fields in told for key in fields]
    assert keys[0] == "READY"
    assert keys[-1] == "STOPPING"
    assert "WATCHDOG" in keys


def test_a_failed_task_fails_the_service_in_order(home):
    """When a spawned task raises, the service stops in order and the error comes out."""

    class Failing(Recorded):
        name = "failing"

        async def setup(self):
            await super().setup()
            self.spawn(self._work(), "work")

        async def _work(self):
            raise RuntimeError("the feed is broken")

        async def stop(self):
            await super().stop()
            stopped.append(self.steps)

    stopped = []

    async def during(service, client):
        pass

    with pytest.raises(RuntimeError, match="the feed is broken"):
        asyncio.run(live(Failing, home, during))
    assert stopped == [["setup", "stop"]]


def test_setup_that_cannot_succeed_is_told_and_stopped(home):
    """A StartError comes out, and `stop` is still called."""
    stopped = []

    class Impossible(Service):
        name = "impossible"

        async def setup(self):
            raise StartError("The key is missing.")

        async def stop(self):
            stopped.append(True)

    async def during(service, client):
        pass

    with pytest.raises(StartError, match=r"The key is missing\."):
        asyncio.run(live(Impossible, home, during))
    assert stopped == [True]


def test_a_stop_during_setup_does_not_wait_for_it(home):
    """A service that is asked to stop while it sets up is cancelled there and never says READY."""
    reached = asyncio.Event()

    class Slow(Recorded):
        name = "slow"

        async def setup(self):
            await super().setup()
            reached.set()
            await asyncio.Event().wait()

    async def during(service, client):
        await asyncio.wait_for(reached.wait(), 30)
        service.end()

    service, told = asyncio.run(live(Slow, home, during))
    assert service.steps == ["setup", "stop"]
    assert not any("READY" in fields for fields in told)
