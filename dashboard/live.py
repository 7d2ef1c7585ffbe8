"""The live stream: one WebSocket a page, first a snapshot, then what changed, at most ten times a second."""

import asyncio
import contextlib
import time
from collections import Counter
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec
import structlog

from ..bus.contracts.auth import Session, permits
from ..configs.errors import AuthError, BusError
from .assets import Receive, Scope, Send
from .gateway import Gateway
from .sessions import COOKIE, Proof, Sessions, proof_of

FLUSH_INTERVAL_S = 0.1
# A browser that takes longer than this for one message is gone or hopeless; it may connect again.
SEND_TIMEOUT_S = 20.0
MAX_CLIENTS = 500
# How long a stream may outlive its session at most, beside the time that auth needs to answer.
RECHECK_S = 1.0
CLOSE_SESSION_ENDED = 4401
CLOSE_TOO_SLOW = 4408
CLOSE_GOING_AWAY = 1001
# What a person must be allowed to follow a channel.
CHANNELS = {
    "core": "service.read",
    "money": "trade.read",
    "market": "market.read",
    "depth": "market.read",
    "strategy": "strategy.read",
    "backtest": "backtest.read",
    "notify": "notify.read",
    "logs": "service.read",
    "output": "service.read",
    "audit": "audit.read",
    # Everything is seen there, the audit trail too.
    "bus": "audit.read",
}

_encode = msgspec.json.Encoder().encode


def may_follow(session: Session, channel: str) -> bool:
    """Whether a person may follow a channel; `money@second` is what concerns that account."""
    name, _, account = channel.partition("@")
    return permits(session.permissions, CHANNELS[name], account)


class Client:
    """One browser. While it is busy taking a message nothing queues up: afterwards it gets a new snapshot."""

    def __init__(self, session: Session, proof: Proof, address: str, channels: frozenset[str]) -> None:
        self.session, self.proof, self.address, self.channels = session, proof, address, channels
        self.behind = False
        self.skipped = 0
        self.close_code = 0
        self._next: bytes | None = None
        self._wake = asyncio.Event()

    def offer(self, payload: bytes) -> None:
        """Give the next message, or note that this client could not take it."""
        if self._next is None:
            self._next = payload
        else:
            self.behind, self.skipped = True, self.skipped + 1
        self._wake.set()

    def close(self, code: int) -> None:
        """End the connection after the message under way."""
        self.close_code = code
        self._wake.set()

    async def take(self) -> bytes | None:
        """The next message; None when the connection shall end."""
        await self._wake.wait()
        self._wake.clear()
        return None if self.close_code else self._next

    def taken(self) -> None:
        """The message is with the browser's connection; the next may be offered."""
        self._next = None


class Source(Protocol):
    """What feeds a channel while somebody follows it; each call may be repeated."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Hub:
    """Collects changes and sends them to all browsers, encoded once for all that follow the same channels."""

    def __init__(self, gateway: Gateway, log: structlog.typing.FilteringBoundLogger) -> None:
        self._gateway, self._log = gateway, log
        self.accounts = gateway.accounts
        self._loop = asyncio.get_running_loop()
        self._groups: dict[frozenset[str], set[Client]] = {}
        self._pending: dict[str, dict[str, tuple[str, Any]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last_flush = 0.0
        self._on_demand: dict[str, Source] = {**gateway.on_demand(self.put)}
        gateway.on_change = self.put
        gateway.on_resync = self.resync

    def offer(self, channel: str, source: Source) -> None:
        """A channel that is fed only while somebody follows it."""
        self._on_demand[channel] = source

    @property
    def clients(self) -> list[Client]:
        """All connected browsers."""
        return [client for group in self._groups.values() for client in group]

    def has_room(self, newcomer: Client) -> bool:
        """Is there a place? When all are taken, whoever has most of them gives one to somebody with fewer."""
        if len(self.clients) < MAX_CLIENTS:
            return True
        counts = Counter(client.session.user for client in self.clients)
        user, most = counts.most_common(1)[0]
        if counts[newcomer.session.user] + 1 >= most:
            return False
        given_up = next(client for client in self.clients if client.session.user == user)
        given_up.close(CLOSE_GOING_AWAY)
        self.leave(given_up)
        return True

    def join(self, client: Client) -> None:
        """Add a browser and give it its snapshot."""
        self._groups.setdefault(client.channels, set()).add(client)
        for channel in client.channels & self._on_demand.keys():
            self._on_demand[channel].start()
        if "strategy" in client.channels:
            # Counts of candles and signals are not published; whoever opens the page sees those of now.
            self._gateway.refresh("strategy")
        client.offer(self.snapshot(client.channels))

    def leave(self, client: Client) -> None:
        """Forget a browser."""
        group = self._groups.get(client.channels)
        if group is not None:
            group.discard(client)
            if not group:
                del self._groups[client.channels]
        for channel, source in self._on_demand.items():
            if not any(channel in channels for channels in self._groups):
                source.stop()

    def put(self, channel: str, key: str, kind: str, data: Any) -> None:
        """A change: the newest of each key is sent at the next flush."""
        if not self._groups:
            return
        self._pending.setdefault(channel, {})[key] = (kind, data)
        if self._timer is None:
            due = max(self._last_flush + FLUSH_INTERVAL_S, self._loop.time())
            self._timer = self._loop.call_at(due, self._flush)

    def resync(self) -> None:
        """Everyone gets a new snapshot: the gateway asked a service anew."""
        self._pending.clear()
        for channels, group in self._groups.items():
            payload = self.snapshot(channels)
            for client in group:
                client.offer(payload)

    def snapshot(self, channels: frozenset[str], skipped: int = 0) -> bytes:
        """The whole state as these channels see it."""
        state = self._gateway.state.export(channels)
        return _encode({"type": "snapshot", "link": self._gateway.link(), "skipped": skipped, "state": state})

    def _flush(self) -> None:
        self._timer, self._last_flush = None, self._loop.time()
        pending, self._pending = self._pending, {}
        for channels, group in self._groups.items():
            items = [item for channel in channels for item in pending.get(channel, {}).values()]
            if items:
                payload = _encode({"type": "update", "items": items})
                for client in group:
                    client.offer(payload)

    def close_all(self) -> None:
        """The dashboard stops."""
        for client in self.clients:
            client.close(CLOSE_GOING_AWAY)

    async def feed(self, client: Client, send: Send) -> None:
        """Send to one browser until it or its session ends."""
        while True:
            payload = await client.take()
            if payload is None:
                await asyncio.wait_for(send(_closing(client.close_code)), SEND_TIMEOUT_S)
                return
            await asyncio.wait_for(send({"type": "websocket.send", "text": payload.decode()}), SEND_TIMEOUT_S)
            client.taken()
            if client.behind:
                skipped, client.skipped, client.behind = client.skipped, 0, False
                client.offer(self.snapshot(client.channels, skipped))


class LiveEndpoint:
    """Accepts WebSockets on /live: same origin and a valid session, checked before accepting."""

    def __init__(self, hub: Hub, sessions: Sessions, log: structlog.typing.FilteringBoundLogger) -> None:
        self._hub, self._sessions, self._log = hub, sessions, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one browser."""
        await receive()
        checked_at = self._sessions.revocations
        client = await self._admit(scope)
        if client is None or not self._hub.has_room(client):
            await send(_closing(4403))
            return
        await send({"type": "websocket.accept"})
        self._hub.join(client)
        if checked_at != self._sessions.revocations:
            # Between the check and now somebody's sessions ended, and this stream was not yet among them.
            await self.recheck(client.session.user)
        feeding = asyncio.ensure_future(self._hub.feed(client, send))
        reading = asyncio.ensure_future(_until_gone(receive))
        ageing = asyncio.ensure_future(self._until_ended(client))
        try:
            await asyncio.wait((feeding, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(client)
            for task in (feeding, reading, ageing):
                task.cancel()
            results = await asyncio.gather(feeding, reading, ageing, return_exceptions=True)
            if isinstance(results[0], TimeoutError):
                self._log.info("slow browser dropped", user=client.session.user, seconds=SEND_TIMEOUT_S)

    async def _admit(self, scope: Scope) -> Client | None:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        proof = proof_of(headers.get(b"authorization", ""), token_of(headers.get(b"cookie", "")))
        if not proof.by_key and headers.get(b"origin") != f"https://{headers.get(b'host', '')}":
            return None
        if not proof.secret:
            return None
        address = scope["client"][0] if scope.get("client") else ""
        try:
            session = await self._sessions.check(proof, address)
        except (AuthError, BusError):
            return None
        if session.must_change_password:
            return None
        wanted = parse_qs(scope["query_string"].decode("latin-1")).get("channels", ["core"])[0].split(",")
        allowed = {name for name in wanted if name in CHANNELS and may_follow(session, name)}
        if "money" in wanted and "money" not in allowed:
            each = (f"money@{account}" for account in self._hub.accounts)
            allowed |= {name for name in each if may_follow(session, name)}
        return Client(session, proof, address, frozenset(allowed))

    async def _until_ended(self, client: Client) -> None:
        """Close the stream when the session's time runs out; an open page alone does not prolong it."""
        expires_ms = client.session.expires_ms
        while expires_ms:
            await asyncio.sleep(max(RECHECK_S, expires_ms / 1000 - time.time()))
            try:
                expires_ms = (await self._sessions.look(client.proof, client.address)).expires_ms
            except AuthError:
                client.close(CLOSE_SESSION_ENDED)
                return
            except BusError as error:
                self._log.warning("session not checked", user=client.session.user, reason=str(error))

    async def recheck(self, user: str) -> None:
        """End the streams of a user that are no longer allowed: ended sessions, lost permissions."""
        for client in self._hub.clients:
            if client.session.user == user:
                try:
                    session = await self._sessions.check(client.proof, client.address)
                except (AuthError, BusError):
                    client.close(CLOSE_SESSION_ENDED)
                else:
                    if not all(may_follow(session, name) for name in client.channels):
                        client.close(CLOSE_GOING_AWAY)  # the page comes again and gets what it may see

    def rotated(self, old: str, new: str) -> None:
        """A session has another token: its streams go on with that one. Called on the loop."""
        for client in self._hub.clients:
            if client.proof.secret == old:
                client.proof = Proof(new)

    def end(self, token: str) -> None:
        """End the streams of one session: its user logged out. Called on the loop."""
        for client in self._hub.clients:
            if client.proof.secret == token:
                client.close(CLOSE_SESSION_ENDED)


def token_of(cookie_header: str) -> str:
    """The session token among the cookies, "" when there is none."""
    cookies = SimpleCookie()
    with contextlib.suppress(CookieError):
        cookies.load(cookie_header)
    morsel = cookies.get(COOKIE)
    return morsel.value if morsel is not None else ""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


def _closing(code: int) -> dict[str, Any]:
    return {"type": "websocket.close", "code": code}
