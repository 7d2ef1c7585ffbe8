"""What carries frames for the asyncio face: the interface, and ZeroMQ under an asyncio loop.

ZeroMQ's descriptor is watched with `loop.add_reader` and the socket is drained without blocking in runs;
a future for each message (zmq.asyncio) costs seven times as much.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import zmq

from . import sockets
from .carrier import Carrier
from .connections import Connections
from .endpoints import Endpoints
from .group import Group

_RUN = 256
_NOBLOCK = int(zmq.NOBLOCK)
_SNDMORE = int(zmq.SNDMORE)
_EVENTS, _POLLIN = int(zmq.EVENTS), int(zmq.POLLIN)


class Link(Carrier):
    """The carrier of the asyncio face. Used on one loop's thread only."""

    on_reply: Callable[[bytes], None]

    @abstractmethod
    def listen_beside(self, service: str, prefix: bytes) -> None:
        """Have frames straight from a service as well, where nobody between checks who says what."""

    @abstractmethod
    def ignore_beside(self, service: str, prefix: bytes) -> None:
        """Undo one `listen_beside`."""

    @abstractmethod
    def call(self, service: str, frame: bytes) -> None:
        """Send a request; replies come to `on_reply`. A service that is away gets it later, or never."""


class _Drain:
    """Reads one socket whenever it has something, in runs, on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: sockets.Socket,
        receive: Callable[[int], Any],
        take: Callable[[Any], None],
    ) -> None:
        self._loop, self._socket, self._receive, self._take = loop, socket, receive, take
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._scheduled = False
        loop.add_reader(self._descriptor, self._run)
        self.check()

    def check(self) -> None:
        """Look soon: needed after any use of the socket, for its descriptor tells of edges only."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        receive, take = self._receive, self._take
        try:
            take(receive(_NOBLOCK))
            if not self._more():  # asking costs half of being told that nothing is there
                return
            for _ in range(_RUN):
                take(receive(_NOBLOCK))
        except zmq.Again:
            if self._more():
                self.check()
            return
        except zmq.ZMQError:
            if self._socket.closed:
                return
            raise
        self.check()

    def _more(self) -> bool:
        return not self._socket.closed and bool(int(self._socket.getsockopt(_EVENTS)) & _POLLIN)

    def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._socket.close()


class ZmqLink(Link):
    """Publishes to the broker, subscribes at the broker, and calls services straight."""

    def __init__(self, places: Endpoints, name: str, hwm: int, group: Group | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._places = places
        self._sockets = Connections(places, name, hwm, group)
        self._out = self._sockets.publisher()
        self._in = self._sockets.subscriber()
        self._inbox = _Drain(self._loop, self._in, self._in.recv, self._take_frame)
        self._callers: dict[str, tuple[sockets.Socket, _Drain]] = {}
        self._direct: dict[str, tuple[sockets.Socket, _Drain]] = {}
        self._offered: sockets.Socket | None = None
        self._router: sockets.Socket | None = None
        self._requests: _Drain | None = None

    def sender(self) -> Callable[[bytes], object]:
        return sockets.sender(self._out, self._offered)

    def listen(self, prefix: bytes) -> None:
        self._in.setsockopt(zmq.SUBSCRIBE, prefix)
        self._inbox.check()

    def ignore(self, prefix: bytes) -> None:
        self._in.setsockopt(zmq.UNSUBSCRIBE, prefix)
        self._inbox.check()

    def offer(self) -> None:
        if self._offered is not None:
            return
        self._offered = self._sockets.direct_publisher(self._out)

    def listen_directly(self, service: str, prefix: bytes) -> None:
        found = self._direct.get(service)
        if found is None:
            socket = self._sockets.direct_subscriber(service)
            found = (socket, _Drain(self._loop, socket, socket.recv, self._take_frame))
            self._direct[service] = found
        found[0].setsockopt(zmq.SUBSCRIBE, prefix)
        found[1].check()

    def ignore_directly(self, service: str, prefix: bytes) -> None:
        socket, drain = self._direct[service]
        socket.setsockopt(zmq.UNSUBSCRIBE, prefix)
        drain.check()

    def listen_beside(self, service: str, prefix: bytes) -> None:
        if not self._places.secure:
            self.listen_directly(service, prefix)

    def ignore_beside(self, service: str, prefix: bytes) -> None:
        if not self._places.secure:
            self.ignore_directly(service, prefix)

    def follow(self) -> None:
        self._sockets.follow((self._out, self._in))
        self._inbox.check()
        for socket, drain in self._direct.values():
            self._sockets.follow((socket,))
            drain.check()

    def _take_frame(self, frame: bytes) -> None:
        self.on_frame(frame)

    def _take_reply(self, frame: bytes) -> None:
        self.on_reply(frame)

    def _take_request(self, request: tuple[bytes, bytes]) -> None:
        self.on_request(request[0], request[1])

    def call(self, service: str, frame: bytes) -> None:
        found = self._callers.get(service)
        if found is None:
            socket = self._sockets.caller(service)
            found = (socket, _Drain(self._loop, socket, socket.recv, self._take_reply))
            self._callers[service] = found
        self._sockets.follow((found[0],))
        try:
            found[0].send(frame, _NOBLOCK)
        except zmq.Again:
            return  # its queue is full: this try is lost, the next one may not be
        found[1].check()

    def bind(self, service: str) -> None:
        if self._router is not None:
            return
        router = self._router = self._sockets.server(service)
        self._requests = _Drain(
            self._loop, router, lambda flags: self._sockets.read_request(router, flags), self._take_request
        )

    def reply(self, peer: Any, frame: bytes) -> None:
        if self._router is None or self._requests is None:
            return
        try:
            self._router.send(peer, _SNDMORE | _NOBLOCK)
            self._router.send(frame, _NOBLOCK)
        except zmq.ZMQError:
            return  # the caller is gone; if it lives it asks again with the same id
        finally:
            self._requests.check()

    def close(self) -> None:
        self._inbox.close()
        for _, drain in (*self._callers.values(), *self._direct.values()):
            drain.close()
        if self._offered is not None:
            self._offered.close()
        if self._requests is not None:
            self._requests.close()
        self._out.close()
        self._sockets.close()
