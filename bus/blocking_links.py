"""What carries frames for the blocking face: the interface, and ZeroMQ with one receiving thread."""

import contextlib
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import zmq

from . import sockets
from .carrier import Carrier
from .connections import Connections
from .endpoints import Endpoints
from .frames import MAX_NAME_BYTES, REQUEST
from .group import Group

_NOBLOCK = int(zmq.NOBLOCK)
_SNDMORE = int(zmq.SNDMORE)
_RCVTIMEO = int(zmq.RCVTIMEO)
_HEAD = MAX_NAME_BYTES + 1 + REQUEST.size


class BlockingLink(Carrier):
    """The carrier of the blocking face: usable from any thread.

    `on_frame` and `on_request` are called on its own threads, `on_frame` with `receiving` held.
    """

    receiving: AbstractContextManager[Any]

    @abstractmethod
    def start(self) -> None:
        """Begin to receive."""

    @abstractmethod
    def exchange(self, service: str, frame: bytes, call_id: bytes, wait_s: float) -> bytes | None:
        """Send a request and wait for the reply that carries `call_id`; None in time. From any thread."""


class _Reader:
    """One subscriber socket and the thread that reads it with plain blocking calls.

    Other threads change its subscriptions by a command; a frame on a socket within the process wakes it.
    """

    def __init__(self, link: "ZmqBlockingLink", socket: sockets.Socket) -> None:
        self._link, self._socket = link, socket
        self._commands: deque[Callable[[], None]] = deque()
        self._waking = threading.Lock()
        self._wake, address = sockets.wake(link.connections.context)
        socket.setsockopt(zmq.SUBSCRIBE, sockets.WAKE)
        socket.connect(address)
        self._open = True
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        receive, take, receiving = self._socket.recv, self._link.on_frame, self._link.receiving
        wake = sockets.WAKE
        while self._open:
            while (frame := receive()) != wake:
                with receiving:
                    take(frame)
            while self._commands:
                self._commands.popleft()()
        self._socket.close()

    def do(self, command: Callable[[], None]) -> None:
        """Run a command on the thread, soon."""
        self._commands.append(command)
        with self._waking:
            if self._open:
                self._wake.send(sockets.WAKE)

    def set_option(self, option: int, value: bytes) -> None:
        self.do(lambda: self._socket.setsockopt(option, value))

    def follow(self) -> None:
        self.do(lambda: self._link.connections.follow((self._socket,)))

    def close(self) -> None:
        self.do(self._end)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        with self._waking:
            self._open = False
            self._wake.close()

    def _end(self) -> None:
        self._open = False


class _Responder:
    """One server socket and the thread that answers on it."""

    def __init__(self, link: "ZmqBlockingLink", socket: sockets.Socket) -> None:
        self._link, self._socket = link, socket
        self._send = sockets.fast_send(socket)
        self._wake, address = sockets.wake_server(link.connections.context)
        socket.bind(address)
        self._wake.connect(address)
        self._thread = threading.Thread(target=self._run, name="bus-serve", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        router, receive, answer = self._socket, self._link.connections.read_request, self._link.on_request
        while True:
            peer, frame = receive(router, 0)
            if frame == sockets.WAKE:
                break
            answer(peer, frame)
        router.close()

    def reply(self, peer: Any, frame: bytes) -> None:
        """Answer, on the thread."""
        with contextlib.suppress(zmq.ZMQError):  # the caller is gone; if it lives it asks again
            self._send(peer, _SNDMORE | _NOBLOCK)
            self._send(frame, _NOBLOCK)

    def close(self) -> None:
        self._wake.send(sockets.WAKE)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._wake.close()


class ZmqBlockingLink(BlockingLink):
    """A thread for each socket that is read; each request uses a socket of its own from a pool."""

    def __init__(self, places: Endpoints, name: str, hwm: int, group: Group | None = None) -> None:
        self.secure = places.secure
        self.connections = Connections(places, name, hwm, group)
        self._out = self.connections.publisher()
        self._offered: sockets.Socket | None = None
        self._reader: _Reader | None = None
        self._direct: dict[str, _Reader] = {}
        self._responder: _Responder | None = None
        self._idle: dict[str, list[sockets.Socket]] = {}
        self._pool = threading.Lock()
        self._open = True

    def start(self) -> None:
        self._reader = _Reader(self, self.connections.subscriber())

    def sender(self) -> Callable[[bytes], object]:
        return sockets.sender(self._out, self._offered)

    def offer(self) -> None:
        bound = self.connections.direct_publisher(self._out)
        self._offered = None if bound is self._out else bound

    def listen(self, prefix: bytes) -> None:
        assert self._reader is not None
        self._reader.set_option(zmq.SUBSCRIBE, prefix)

    def ignore(self, prefix: bytes) -> None:
        assert self._reader is not None
        self._reader.set_option(zmq.UNSUBSCRIBE, prefix)

    def listen_directly(self, service: str, prefix: bytes) -> None:
        with self._pool:
            found = self._direct.get(service)
            if found is None:
                found = self._direct[service] = _Reader(self, self.connections.direct_subscriber(service))
        found.set_option(zmq.SUBSCRIBE, prefix)

    def ignore_directly(self, service: str, prefix: bytes) -> None:
        self._direct[service].set_option(zmq.UNSUBSCRIBE, prefix)

    def follow(self) -> None:
        if self.secure:
            for reader in (self._reader, *self._direct.values()):
                if reader is not None:
                    reader.follow()

    def bind(self, service: str) -> None:
        with self._pool:
            if self._responder is None:
                self._responder = _Responder(self, self.connections.server(service))

    def reply(self, peer: Any, frame: bytes) -> None:
        assert self._responder is not None
        self._responder.reply(peer, frame)

    # -- requests, on the caller's thread

    def exchange(self, service: str, frame: bytes, call_id: bytes, wait_s: float) -> bytes | None:
        caller = self._borrow(service)
        try:
            sockets.fast_send(caller)(frame, _NOBLOCK)
            return _await_reply(caller, call_id, wait_s)
        except zmq.Again:
            return None
        finally:
            self._give_back(service, caller)

    def _borrow(self, service: str) -> sockets.Socket:
        with self._pool:
            idle = self._idle.get(service)
            if not idle:
                return self.connections.caller(service)
            found = idle.pop()
        if self.secure:
            self.connections.follow((found,))
        return found

    def _give_back(self, service: str, caller: sockets.Socket) -> None:
        with self._pool:
            if self._open:
                self._idle.setdefault(service, []).append(caller)
                return
        caller.close()

    def close(self) -> None:
        with self._pool:
            if not self._open:
                return
            self._open = False
            idle = [caller for callers in self._idle.values() for caller in callers]
            self._idle.clear()
        for thread in (self._reader, *self._direct.values(), self._responder):
            if thread is not None:
                thread.close()
        for each in (*idle, self._out, self._offered):
            if each is not None:
                each.close()
        self.connections.close()


def _await_reply(caller: sockets.Socket, call_id: bytes, wait_s: float) -> bytes | None:
    """The reply with this id; replies to earlier tries of other requests on this socket are dropped."""
    wait_ms = max(1, int(wait_s * 1000.0))
    if caller.getsockopt(_RCVTIMEO) != wait_ms:
        caller.setsockopt(_RCVTIMEO, wait_ms)
    reply = caller.recv()
    if call_id in reply[:_HEAD]:
        return reply
    deadline = time.monotonic() + wait_s
    while (left_s := deadline - time.monotonic()) > 0.0:
        caller.setsockopt(_RCVTIMEO, max(1, int(left_s * 1000.0)))
        reply = caller.recv()
        if call_id in reply[:_HEAD]:
            return reply
    return None
