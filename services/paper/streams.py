"""WebSocket streams: who listens to what, and sending without ever waiting for a slow reader."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
from aiohttp import WSMsgType, web

QUEUE_LIMIT = 20_000
"""Messages kept for a reader that does not read; beyond that its socket is closed, as Binance does."""

_encode = msgspec.json.Encoder().encode
_CLOSE = b""


class Connection:
    """One WebSocket. Messages are queued and sent by a task of its own, in order."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, combined: bool
    ) -> None:
        self.socket, self._transport = socket, transport
        self.combined = combined
        self.streams: set[str] = set()
        self.silent = False
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def send(self, payload: bytes) -> None:
        """Queue one text message."""
        if self.silent:
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self._queue.clear()
            self.silent = True
            if self._transport is not None:
                self._transport.abort()
            return
        self._queue.append(payload)
        self._wake.set()

    def send_json(self, payload: object) -> None:
        self.send(_encode(payload))

    def close(self) -> None:
        """Close when what is queued before this call was sent."""
        self._queue.append(_CLOSE)
        self._wake.set()

    async def pump(self) -> None:
        """Send what is queued until the socket ends."""
        with suppress(ConnectionError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    payload = self._queue.popleft()
                    if payload is _CLOSE:
                        await self.socket.close()
                        return
                    await self.socket.send_frame(payload, WSMsgType.TEXT)


class Hub:
    """All subscriptions of all connections."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._streams: dict[str, set[Connection]] = defaultdict(set)

    def join(self, connection: Connection) -> None:
        self.connections.add(connection)

    def leave(self, connection: Connection) -> None:
        self.connections.discard(connection)
        for stream in tuple(connection.streams):
            self.unsubscribe(connection, stream)

    def subscribe(self, connection: Connection, stream: str) -> None:
        connection.streams.add(stream)
        self._streams[stream].add(connection)

    def unsubscribe(self, connection: Connection, stream: str) -> None:
        connection.streams.discard(stream)
        listeners = self._streams.get(stream)
        if listeners is not None:
            listeners.discard(connection)
            if not listeners:
                del self._streams[stream]

    def wanted(self, stream: str) -> bool:
        """Does anybody listen?"""
        return stream in self._streams

    def publish(self, stream: str, payload: Callable[[], object]) -> None:
        """Send to all who listen; the payload is made only when somebody does."""
        listeners = self._streams.get(stream)
        if not listeners:
            return
        plain = _encode(payload())
        wrapped = b""
        for connection in tuple(listeners):
            if connection.combined:
                wrapped = wrapped or b'{"stream":' + _encode(stream) + b',"data":' + plain + b"}"
                connection.send(wrapped)
            else:
                connection.send(plain)
