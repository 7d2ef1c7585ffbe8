"""A dashboard on a bus in memory, with a small auth beside it."""

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import CheckApiKey, CheckSession, Login, LoginResult, Logout, Session
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.dashboard.app import create_app
from cryptobot.dashboard.assets import Assets
from cryptobot.dashboard.gateway import Gateway
from cryptobot.dashboard.live import Hub, LiveEndpoint
from cryptobot.dashboard.sessions import COOKIE, Sessions
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

BASE = "https://localhost:8443"
TRADER = ["market.read", "service.read", "service.control", "trade.read", "trade.halt", "strategy.read"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


def session_of(user: str, permissions: list[str]) -> Session:
    """A session that lives for years."""
    return Session(
        user=user,
        role=user,
        permissions=permissions,
        csrf_token=f"csrf-of-{user}",
        expires_ms=4_000_000_000_000,
        stepped_up_until_ms=4_000_000_000_000,
    )


class SmallAuth:
    """Tokens `good` and `poor`, and whatever else a test adds."""

    def __init__(self, bus: AsyncBus) -> None:
        self.asked, self.bus = 0, bus
        self.sessions = {
            "good": session_of("admin", list(TRADER)),
            "poor": session_of("viewer", ["trade.read"]),
        }
        self.keys: dict[str, Session] = {}
        self.used: list[bool] = []
        self.looked = asyncio.Event()
        bus.serve(CheckSession, self.check)
        bus.serve(CheckApiKey, self.check_key)
        bus.serve(Login, self.login)
        bus.serve(Logout, lambda request: Done())

    def check(self, request: Request[CheckSession]) -> Session:
        """The session, or the refusal of the contract."""
        self.asked += 1
        self.used.append(request.message.used)
        if not request.message.used:
            self.looked.set()
        session = self.sessions.get(request.message.token)
        if session is None:
            raise RequestFailedError("session_invalid", "The session has ended; log in again.")
        return session

    def check_key(self, request: Request[CheckApiKey]) -> Session:
        """What a key may do, or the refusal of the contract."""
        self.asked += 1
        session = self.keys.get(request.message.secret)
        if session is None:
            raise RequestFailedError("key_invalid", "This API key is not valid, or has ended.")
        return session

    def login(self, request: Request[Login]) -> LoginResult:
        """One password for all."""
        if request.message.password == "right":
            return LoginResult(token="good", session=self.sessions["good"])
        return LoginResult(
            token="", session=None, code="throttled", reason="Too many tries.", retry_after_s=30.0
        )


class Rig:
    """Everything but the sockets."""

    def __init__(self, hub: MemoryHub, folder: Path) -> None:
        self.memory, self.home = hub, Home(folder)
        self.app: Flask

    async def open(self) -> "Rig":
        """Join the parts as the service does."""
        log = structlog.get_logger()
        self.auth = SmallAuth(await self.memory.open_async("auth"))
        self.bus = await self.memory.open_async("dashboard")
        self.gateway = Gateway(self.bus, log)
        self.sessions, self.hub = Sessions(self.gateway), Hub(self.gateway, log)
        self.live = LiveEndpoint(self.hub, self.sessions, log)
        self.assets = Assets()
        self.app = create_app(self.gateway, self.sessions, self.assets, self.home, log)
        return self

    def client(self, holder: str = "good") -> FlaskClient:
        """A browser with a session."""
        client = self.app.test_client()
        if holder:
            client.set_cookie(COOKIE, holder, domain="localhost", secure=True)
        return client

    async def call(self, method: str, path: str, holder: str = "good", **options: Any) -> TestResponse:
        """Send one request from a thread, as the server does."""
        client = self.client(holder)
        return await asyncio.to_thread(client.open, path, method=method, base_url=BASE, **options)

    async def write(self, path: str, holder: str = "good", **headers: str) -> TestResponse:
        """POST as our own page does."""
        csrf = self.auth.sessions[holder].csrf_token if holder in self.auth.sessions else ""
        sent = {"Origin": BASE, "X-CSRF-Token": csrf, **headers}
        return await self.call("POST", path, holder, headers=sent, data=b"{}")


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[[], Any]:
    """Open a rig within the test's loop."""

    async def make() -> Rig:
        return await Rig(MemoryHub(), tmp_path).open()

    return make
