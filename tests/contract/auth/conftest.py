"""The auth service on a memory bus, in a home of its own."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.auth import Login, LoginResult
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.services.auth.passwords import PasswordHasher
from cryptobot.services.auth.service import AuthService

ADDRESS = "127.0.0.1"


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.ms

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.ms += int(seconds * 1000)


@dataclass
class Auth:
    """A running auth service and a client of its bus."""

    home: Home
    client: AsyncBus
    clock: Clock

    async def ask(self, wish: Message) -> Any:
        """Send a request; its answer."""
        assert wish.REPLY is not None
        return await self.client.request("auth", wish, wish.REPLY, timeout_s=30)

    async def admin_token(self) -> str:
        """A session of the first admin."""
        return (await self.login("admin", self.password)).token

    @property
    def password(self) -> str:
        """The generated password of the first run."""
        return (self.home.keys / "initial-password").read_text().strip()

    async def login(self, user: str, password: str, address: str = ADDRESS, totp: str = "") -> LoginResult:
        """Log in over the bus."""
        wish = Login(user=user, password=password, address=address, totp=totp)
        return await self.client.request("auth", wish, LoginResult, timeout_s=30)


@pytest.fixture
def running_auth(tmp_path: Path) -> Callable[[], contextlib.AbstractAsyncContextManager[Auth]]:
    """Starts the service; may be used again on the same home after it has ended."""
    home = Home(tmp_path / "home")
    home.create()
    clock = Clock()

    class CheapAuth(AuthService):
        make_hasher = staticmethod(lambda: PasswordHasher(memory_kib=64, passes=1, lanes=1))
        now_ms = staticmethod(clock)

    @contextlib.asynccontextmanager
    async def start(settings: Settings | None = None) -> AsyncIterator[Auth]:
        hub = MemoryHub()
        bus, client = await hub.open_async("auth"), await hub.open_async("test")
        service = CheapAuth(home, settings or Settings(), bus, structlog.get_logger())
        await service.setup()
        try:
            yield Auth(home, client, clock)
        finally:
            await service.stop()
            await client.close()
            await bus.close()

    return start
