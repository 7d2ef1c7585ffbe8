"""Who answers what: WebSockets and static files natively, everything else by Flask in a pool of threads."""

import ipaddress
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from flask import Flask

from .assets import PREFIX, Assets, Receive, Scope, Send
from .live import LiveEndpoint

WORKERS = 8
MAX_BODY_BYTES = 1_048_576


class Dispatcher:
    """The ASGI application."""

    def __init__(self, flask: Flask, assets: Assets, live: LiveEndpoint, hosts: frozenset[str]) -> None:
        # a2wsgi types what passes through more narrowly than Flask and uvicorn do.
        self._flask = cast(Any, WSGIMiddleware(cast(Any, flask), workers=WORKERS))
        self._assets, self._live, self._hosts = assets, live, hosts

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
            await self._flask(scope, receive, send)

    def _host_allowed(self, scope: Scope) -> bool:
        # A page elsewhere whose name is made to point here (DNS rebinding) is known by its Host header.
        host = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"host"), "")
        name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        if name.lower() in self._hosts:
            return True
        return "*" in self._hosts and _is_address(name)


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
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
