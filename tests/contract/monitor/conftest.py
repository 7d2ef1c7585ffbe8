"""The monitor on a memory bus, in a home of its own."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.service import Alert, Heartbeat, ServiceState, ServiceStats
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.monitor.service import MonitorService

START_S = 1_790_000_000 - 1_790_000_000 % 3600


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.s = float(START_S)

    def __call__(self) -> float:
        return self.s


@dataclass
class Monitor:
    """A running monitor, what tells it things, and who asks."""

    service: MonitorService
    client: AsyncBus
    clock: Clock
    home: Home

    async def ask(self, wish: Message) -> Any:
        """Send a request; its answer."""
        assert wish.REPLY is not None
        return await self.client.request("monitor", wish, wish.REPLY, timeout_s=30)

    async def tell(self, topic: str, message: Message) -> None:
        """Publish, and wait until the monitor has it."""
        self.client.publish(topic, message)
        await self.client.settled()

    async def stats(self, name: str, cpu: float = 1.0, rss: int = 1000, **fields: Any) -> None:
        """One measurement of a service, now."""
        given: dict[str, Any] = {"pid": 7, "threads": 3, "open_files": 9, "uptime_s": 1.0, **fields}
        message = ServiceStats(name=name, cpu_percent=cpu, rss_bytes=rss, **given)
        await self.tell(topics.service_stats(name), message)

    async def beat(self, name: str, lag_ms: float) -> None:
        """A heartbeat of a service."""
        message = Heartbeat(name=name, pid=7, progress=1, loop_lag_ms=lag_ms)
        await self.tell(topics.service_heartbeat(name), message)

    async def alert(self, key: str, severity: str = "warning", *, recovered: bool = False) -> None:
        """An alert of the supervisor."""
        message = Alert(
            key=key, severity=severity, source="supervisor", title="t", detail="d", recovered=recovered
        )
        await self.tell(topics.alert(severity), message)

    async def state(self, name: str, state: str, since_s: float, restarts: int = 0) -> None:
        """A service changed its state."""
        message = ServiceState(
            name=name, title=name, state=state, ready=state == "RUNNING", pid=7,
            since_ns=int(since_s * 1e9), restarts=restarts, reason="why", health="ok",
        )  # fmt: skip
        await self.tell(topics.service_state(name), message)


Start = Callable[..., contextlib.AbstractAsyncContextManager[Monitor]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a monitor; may be used again on the same home after it has ended."""
    home = Home(tmp_path / "home")
    home.create()
    clock = Clock()

    class Stood(MonitorService):
        now_s = staticmethod(clock)

    @contextlib.asynccontextmanager
    async def begin(settings: Settings | None = None, *, killed: bool = False) -> AsyncIterator[Monitor]:
        hub = MemoryHub()
        bus, client = await hub.open_async("monitor"), await hub.open_async("supervisor")
        service = Stood(home, settings or Settings(), bus, structlog.get_logger())
        await service.setup()
        await bus.settled()
        await client.settled()
        try:
            yield Monitor(service, client, clock, home)
        finally:
            for task in tuple(service._tasks):
                task.cancel()
            if killed:
                service.storage.close()  # nothing is written out
            else:
                await service.stop()
            await client.close()
            await bus.close()

    return begin
