"""Takes connections, never too many: who connects and says nothing makes room for who comes after.

A connection is silent until its first request is there. Silent ones end by themselves after a while, and the
oldest of them ends at once when all places are taken; so ten thousand idle sockets keep nobody out. When
nobody is silent, newcomers are closed at once rather than left waiting.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HANDSHAKE_S = 20.0
SILENCE_S = 20.0
SHUTDOWN_S = 5.0
_BREATHER_S = 0.05
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_WANTED_DESCRIPTORS = 4096


class Door:
    """Accepts on a listening socket.

    Args:
        most: so many connections at a time.
        count: how many are open beyond their handshake.
    """

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, most: int, count: Callable[[], int]
    ) -> None:
        self._listener, self._context, self._most, self._count = listener, context, most, count
        self._loop = asyncio.get_running_loop()
        self._silent: OrderedDict[socket.socket, None] = OrderedDict()
        self._shaking: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._spare = _spare_descriptor()
        self.refused = 0

    def open(self, make: Callable[[socket.socket], asyncio.Protocol]) -> None:
        """Begin to accept; `make` gives the protocol of a connection."""
        raise_descriptor_limit()
        self._accepting = self._loop.create_task(self._accept(make), name="dashboard:door")

    def spoke(self, connection: socket.socket) -> None:
        """A request came, or the connection ended: it is not silent any more."""
        self._silent.pop(connection, None)

    def close(self) -> None:
        """Take nobody more."""
        if self._accepting is not None:
            self._accepting.cancel()
        for task in tuple(self._shaking):
            task.cancel()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    async def _accept(self, make: Callable[[socket.socket], asyncio.Protocol]) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno in _NO_DESCRIPTORS:
                    self._refuse_without_descriptors()
                    await asyncio.sleep(_BREATHER_S)
                elif self._listener.fileno() < 0:
                    return
                continue
            if self._count() + len(self._shaking) >= self._most and not self._make_room():
                self.refused += 1
                connection.close()
                continue
            connection.setblocking(False)
            self._silent[connection] = None
            task = self._loop.create_task(self._shake(connection, make))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    async def _shake(
        self, connection: socket.socket, make: Callable[[socket.socket], asyncio.Protocol]
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: make(connection), connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )  # fmt: skip
        except (OSError, asyncio.CancelledError):
            # Whoever speaks no TLS, or ends before it begins, is nobody to talk to.
            self.spoke(connection)
            connection.close()

    def _make_room(self) -> bool:
        """End the oldest silent connection; False when there is none."""
        if not self._silent:
            return False
        oldest, _ = self._silent.popitem(last=False)
        self.refused += 1
        with contextlib.suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)
        return True

    def _refuse_without_descriptors(self) -> None:
        """Out of descriptors: the spare one takes a connection just to close it, not to leave it waiting."""
        if self._spare < 0:
            return
        os.close(self._spare)
        self._spare = -1
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.close()
            self.refused += 1
        self._spare = _spare_descriptor()


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose requests have to come within a time: a header a minute keeps no place."""

    def __init__(self, *, door: Door, connection: socket.socket, **options: Any) -> None:
        super().__init__(**options)
        self._door, self._connection = door, connection
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the loop after the handshake."""
        super().connection_made(transport)
        self._begin_to_wait()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        super().data_received(data)
        if self.scope is not None and (self.cycle is None or not self.cycle.response_complete):
            self._stop_waiting()
            self._door.spoke(self._connection)
        elif self._deadline is None:
            self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stop_waiting()
        self._door.spoke(self._connection)
        super().connection_lost(exc)

    def _begin_to_wait(self) -> None:
        self._deadline = self.loop.call_later(SILENCE_S, self._too_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()


def raise_descriptor_limit() -> None:
    """Allow this process as many descriptors as its connections need, as far as the system lets it."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _spare_descriptor() -> int:
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return -1
