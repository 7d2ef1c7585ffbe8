"""The HTTPS server: uvicorn on sockets of our own, inside the service's event loop."""

import asyncio
import contextlib
import errno
import socket
import ssl
import sys
from asyncio import sslproto
from collections.abc import Iterator
from typing import Any

import uvicorn

from ..configs.errors import StartError
from .door import Door, PatientProtocol
from .websocket import PoliteWebSocket

BACKLOG = 512
MAX_CONNECTIONS = 1_000
GRACE_S = 2
# asyncio sets aside 256 KiB for every TLS connection; a TLS record is 16 KiB.
TLS_BUFFER_BYTES = 16_384


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        StartError: the port is taken or may not be used, or the address is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(
            f"The dashboard cannot listen on {host} ({error.strerror}); check dashboard.host."
        ) from error
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(_why(error, host, port)) from error
    listener.setblocking(False)
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    advice = "set dashboard.port to another port, or to 0 for a free one"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program; {advice}."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user; {advice}."
    return f"The dashboard cannot listen on {host} port {port} ({error.strerror}); check dashboard.host."


class WebServer(uvicorn.Server):
    """uvicorn that leaves the signals alone and says when it listens."""

    def __init__(self, app: Any, context: ssl.SSLContext, listener: socket.socket) -> None:
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        config = uvicorn.Config(
            app, http="h11", ws=PoliteWebSocket, lifespan="off", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, ws_per_message_deflate=False, ws_max_size=65_536,
            timeout_graceful_shutdown=GRACE_S, date_header=False,
            h11_max_incomplete_event_size=32_768, ssl_context_factory=lambda config, default: context,
        )  # fmt: skip
        super().__init__(config)
        self._listener, self._context = listener, context
        self._door: Door | None = None
        self._ending = asyncio.Event()
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The frame of the service handles signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn, which would take everybody who comes, and wait for ever for what they say."""
        await self.lifespan.startup()
        self.servers = []
        self._door = Door(
            self._listener, self._context, MAX_CONNECTIONS, lambda: len(self.server_state.connections)
        )
        self._door.open(self._protocol)
        self.started = True
        self.listening.set()

    def _protocol(self, connection: socket.socket) -> asyncio.Protocol:
        assert self._door is not None
        return PatientProtocol(
            door=self._door, connection=connection, config=self.config, server_state=self.server_state,
            app_state=self.lifespan.state,
        )  # fmt: skip

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        if self._door is not None:
            self._door.close()
        await super().shutdown(sockets)

    async def main_loop(self) -> None:
        """Called by uvicorn, whose own would wake ten times a second."""
        await self.on_tick(0)
        await self._ending.wait()

    async def run_until_stopped(self) -> None:
        """Serve until `stop`."""
        await self.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Take no more connections, finish what is under way, end."""
        self.should_exit = True
        self._ending.set()

    @property
    def port(self) -> int:
        """The port really listened on."""
        return int(self._listener.getsockname()[1])
