"""Who answers what: WebSockets and static files natively, everything else by Flask in a pool of threads."""

import asyncio
import ipaddress
from collections.abc import MutableMapping
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from flask import Flask

from .access import HEADERS
from .assets import PREFIX, Assets, Receive, Scope, Send
from .live import LiveEndpoint

WORKERS = 8
MAX_BODY_BYTES = 1_048_576
BODY_S = 20.0
SEND_S = 30.0


class Dispatcher:
    """The ASGI application. `hosts`: the names that it answers to, which change with the certificate."""

    def __init__(self, flask: Flask, assets: Assets, live: LiveEndpoint, hosts: frozenset[str]) -> None:
        # a2wsgi types what passes through more narrowly than Flask and uvicorn do.
        self._flask = cast(Any, WSGIMiddleware(cast(Any, flask), workers=WORKERS))
        self._assets, self._live, self.hosts = assets, live, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "websocket":
            if scope["path"] == "/live" and self._host_allowed(scope):
                await self._live(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 4404})
        elif not self._host_allowed(scope):
            await _refuse(send, 421, b"This address is not one of the dashboard's names.")
        elif _too_large(scope):
            await _refuse(send, 413, b"The request is too large.")
        elif scope["path"].startswith(PREFIX):
            await self._assets(scope, send)
        else:
            await self._by_flask(scope, receive, send)

    async def _by_flask(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Threads are few: none waits for a client that sends or reads a byte a minute.
        try:
            body = await asyncio.wait_for(_whole_body(receive), BODY_S)
        except TimeoutError:
            await _refuse(send, 408, b"The request did not come within its time.")
            return
        if body is None:
            return
        if len(body) > MAX_BODY_BYTES:
            await _refuse(send, 413, b"The request is too large.")
            return
        await self._flask(scope, _Replayed(body, receive), _in_time(send))

    def _host_allowed(self, scope: Scope) -> bool:
        # A page elsewhere whose name is made to point here (DNS rebinding) is known by its Host header.
        host = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"host"), "")
        name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        name = name.lower()
        if name in self.hosts or f"*.{name.partition('.')[2]}" in self.hosts:
            return True
        return "*" in self.hosts and _is_address(name)


class _Replayed:
    """`receive` for an application, of a body that is already here."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> MutableMapping[str, Any]:
        """The body first, then whatever comes."""
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, as far as it is allowed; None when the client has gone."""
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
    return b"".join(parts)


def _in_time(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        await asyncio.wait_for(send(message), SEND_S)

    return sent


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _too_large(scope: Scope) -> bool:
    for key, value in scope["headers"]:
        if key == b"transfer-encoding":
            return True
        if key == b"content-length":
            return not value.isdigit() or int(value) > MAX_BODY_BYTES
    return False


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
