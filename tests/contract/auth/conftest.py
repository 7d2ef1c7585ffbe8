"""The auth service on a memory bus, in a home of its own."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.auth import Login, LoginResult
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.auth.service import AuthService

ADDRESS = "127.0.0.1"


@dataclass
class Auth:
    """A running auth service and a client of its bus."""

    home: Home
    client: AsyncBus

    @property
    def password(self) -> str:
        """The generated password of the first run."""
        return (self.home.keys / "initial-password").read_text().strip()

    async def login(self, user: str, password: str, address: str = ADDRESS) -> LoginResult:
        """Log in over the bus."""
        wish = Login(user=user, password=password, address=address)
        return await self.client.request("auth", wish, LoginResult)


@pytest.fixture
def running_auth(tmp_path: Path) -> Callable[[], contextlib.AbstractAsyncContextManager[Auth]]:
    """Starts the service; may be used again on the same home after it has ended."""
    home = Home(tmp_path / "home")
    home.create()

    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Auth]:
        hub = MemoryHub()
        bus, client = await hub.open_async("auth"), await hub.open_async("test")
        service = AuthService(home, Settings(), bus, structlog.get_logger())
        await service.setup()
        try:
            yield Auth(home, client)
        finally:
            await service.stop()
            await client.close()
            await bus.close()

    return start
