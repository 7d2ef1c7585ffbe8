"""Real peers on loopback: an SMTP server, a webhook, a Bot API as Telegram documents it; and the service."""

import asyncio
import email
import email.policy
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
import structlog
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope
from cryptobot.bus import topics
from cryptobot.bus.contracts.auth import ListUsers, User, Users
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.service import Alert, Audit
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.secret import Secret
from cryptobot.configs.sections.notify import NotifySettings
from cryptobot.configs.vault import Vault
from cryptobot.services.notify.service import NotifyService

DEADLINE_S = 45.0
TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
R = TypeVar("R", bound=Message)


class Changes:
    """Something that tests wait for."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def tell(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Mailbox(Changes):
    """An SMTP server that keeps what it takes; `refuses` answers with a temporary failure."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[email.message.EmailMessage] = []
        self.refuses = False
        self.tries = 0

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Any, envelope: Envelope
    ) -> str:
        self.tries += 1
        self.tell()
        if self.refuses:
            return "451 Come back later"
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    async def open(self, stack: AsyncExitStack) -> str:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="localhost"), "127.0.0.1", 0
        )
        stack.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        return f"mailto://127.0.0.1:{port}?from=bot@example.org&to=me@example.org&mode=insecure"


class Webhook(Changes):
    """An HTTP server that keeps what is posted; `hold` makes it answer only when it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[dict[str, Any]] = []
        self.status = 200
        self.tries = 0
        self.hold: asyncio.Event | None = None

    async def _post(self, request: web.Request) -> web.Response:
        self.tries += 1
        body = await request.json()
        self.tell()
        if self.hold is not None:
            await self.hold.wait()
        if self.status == 200:
            self.posted.append(body)
            self.tell()
        return web.Response(status=self.status)

    async def open(self, stack: AsyncExitStack, port: int = 0) -> str:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._post)
        self.port = await serve(app, stack, port)
        return f"json://127.0.0.1:{self.port}/hook"


class BotServer(Changes):
    """Telegram's Bot API with one bot: offsets confirm, one long poll at a time, errors as documented."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails: list[tuple[int, dict[str, Any]]] = []
        self._updates: list[dict[str, Any]] = []
        self._next_update = 7000
        self._polling = False
        self._news = Changes()

    def says(self, chat_id: int, text: str, **chat: Any) -> None:
        """Somebody writes to the bot."""
        whole = {"id": chat_id, "type": "private", "first_name": "Ada", **chat}
        sender = {"id": chat_id, "is_bot": False, "first_name": "Ada"}
        message = {"message_id": len(self.calls) + 1, "date": 1, "chat": whole, "from": sender, "text": text}
        self._push({"message": message})

    def presses(self, chat_id: int, data: str) -> None:
        """Somebody presses a button below a message."""
        chat = {"id": chat_id, "type": "private", "first_name": "Ada"}
        sender = {"id": chat_id, "is_bot": False, "first_name": "Ada"}
        query = {"id": "q1", "from": sender, "data": data, "chat_instance": "1"}
        self._push({"callback_query": {**query, "message": {"message_id": 1, "date": 1, "chat": chat}}})

    def _push(self, update: dict[str, Any]) -> None:
        self._next_update += 1
        self._updates.append({"update_id": self._next_update, **update})
        self._news.tell()

    def texts(self, chat_id: int) -> list[str]:
        """What the bot wrote to a chat."""
        return [one["text"] for one in self.sent if str(one["chat_id"]) == str(chat_id)]

    async def _call(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        body = json.loads(await request.read() or b"{}")
        self.calls.append((method, body))
        self.tell()
        if token != TOKEN:
            return _refused(401, "Unauthorized")
        if self.fails:
            code, more = self.fails.pop(0)
            return _refused(code, "Too Many Requests: retry later", **more)
        if method == "getUpdates":
            return await self._get_updates(body)
        return _done(self._answer(method, body))

    def _answer(self, method: str, body: dict[str, Any]) -> Any:
        if method == "getMe":
            return {"id": 123456789, "is_bot": True, "first_name": "Bot", "username": "my_trading_bot"}
        if method == "sendMessage":
            self.sent.append(body)
            self.tell()
            return {"message_id": len(self.sent), "date": 1, "text": body["text"]}
        return True

    async def _get_updates(self, body: dict[str, Any]) -> web.Response:
        if self._polling:
            return _refused(409, "Conflict: terminated by other getUpdates request")
        self._polling = True
        try:
            self._updates = [one for one in self._updates if one["update_id"] >= body.get("offset", 0)]
            if not self._updates:
                try:
                    async with asyncio.timeout(body.get("timeout", 0)):
                        await self._news.until(lambda: self._updates)
                except TimeoutError:
                    return _done([])
            return _done(self._updates[:100])
        finally:
            self._polling = False

    async def open(self, stack: AsyncExitStack) -> str:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._call)
        return f"http://127.0.0.1:{await serve(app, stack)}"


def _done(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refused(code: int, text: str, **more: Any) -> web.Response:
    body = {"ok": False, "error_code": code, "description": text, **more}
    return web.json_response(body, status=code)


async def serve(app: web.Application, stack: AsyncExitStack, port: int = 0) -> int:
    """Serve on loopback until the stack ends; the port."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return int(runner.addresses[0][1])


class Town(Changes):
    """The notify service on the bus in memory, with an auth that knows three people."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.home = Home(folder)
        self.home.create()
        self.hub = MemoryHub()
        self.audits: list[Audit] = []
        self.users = [_user("alice", "admin"), _user("tom", "trader"), _user("vera", "viewer")]
        self.roles = {
            "admin": ["service.read", "service.control", "trade.read", "trade.halt", "notify.manage"],
            "trader": ["service.read", "trade.read", "trade.halt", "strategy.control:ema-*"],
            "viewer": ["service.read", "trade.read"],
        }
        self._running = False

    def keep(self, name: str, address: str) -> None:
        """A channel, or the bot's token."""
        Vault(self.home).set(f"notify.{name}", Secret(address))

    async def open(self, **settings: Any) -> None:
        self.viewer = await self.hub.open_async("viewer")
        self.auth = await self.hub.open_async("auth")
        self.auth.serve(ListUsers, lambda _request: Users(users=self.users, roles=self.roles))
        self.viewer.subscribe(topics.AUDIT, Audit, self._audit)
        await self.start(**settings)

    async def start(self, **settings: Any) -> None:
        wanted = {"retry_initial_s": 0.1, "telegram_poll_s": 5, **settings}
        self.settings = Settings(notify=NotifySettings(**wanted))
        self.bus = await self.hub.open_async("notify")
        self.service = NotifyService(self.home, self.settings, self.bus, structlog.get_logger())
        await self.service.setup()
        await self.bus.settled()
        self._running = True

    async def kill(self) -> None:
        """As near to kill -9 as one process allows: nothing is finished, nothing is said."""
        for task in (*self.service._tasks, *self.service.dispatcher._busy.values()):
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        if self.service._api is not None:
            await self.service._api.close()
        self.service.database.close()
        await self.bus.close()
        self._running = False

    async def close(self) -> None:
        if self._running:
            await self.kill()
        await self.viewer.close()
        await self.auth.close()

    def _audit(self, received: Any) -> None:
        self.audits.append(received.message)
        self.tell()

    def alert(self, key: str, severity: str, *, title: str = "", recovered: bool = False) -> None:
        """Something goes wrong, or is over."""
        alert = Alert(
            key=key,
            severity=severity,
            source="test",
            title=title or f"{key} is ill",
            detail="It stopped.",
            recovered=recovered,
        )
        self.viewer.publish(topics.alert(severity), alert)

    async def ask(self, message: Message, reply: type[R]) -> R:
        return await self.viewer.request("notify", message, reply, timeout_s=DEADLINE_S)


def _user(name: str, role: str) -> User:
    return User(name=name, role=role, enabled=True, created_ms=1, last_login_ms=1, sessions=0)


class Street:
    """Everything that a story needs; closed at its end."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.town, self.stack = Town(folder), stack
        self.mailbox, self.webhook, self.bot = Mailbox(), Webhook(), BotServer()

    async def open(self, *channels: str, **settings: Any) -> None:
        """Start the peers that are named, and the service."""
        if "mail" in channels:
            self.town.keep("mail", await self.mailbox.open(self.stack))
        if "hook" in channels:
            self.town.keep("hook", await self.webhook.open(self.stack))
        if "telegram" in channels:
            settings["telegram_api"] = await self.bot.open(self.stack)
            self.town.keep("telegram", TOKEN)
        self.stack.push_async_callback(self.town.close)
        await self.town.open(**settings)


Story = Callable[[Street], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story on a loop of its own."""

    def run(story: Story) -> None:
        async def main() -> None:
            async with AsyncExitStack() as stack:
                await story(Street(tmp_path / "home", stack))

        asyncio.run(main())

    return run
