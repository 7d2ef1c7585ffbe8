"""What carries frames for the blocking face: the interface, and ZeroMQ with one receiving thread."""

import contextlib
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import zmq

from . import sockets
from .connections import Connections
from .endpoints import Endpoints
from .links import read_request

_RUN = 256
_NOBLOCK = int(zmq.NOBLOCK)
_SNDMORE = int(zmq.SNDMORE)


class BlockingLink(ABC):
    """Carries frames between one client and the others; `on_frame` and `on_request` run on its own thread.

    `on_frame` is called with `receiving` held.
    """

    receiving: AbstractContextManager[Any]
    on_frame: Callable[[bytes], None]
    on_request: Callable[[Any, bytes], None]

    @abstractmethod
    def start(self) -> None:
        """Begin to receive."""

    @abstractmethod
    def publish(self, frame: bytes) -> None:
        """Send to all subscribers; never blocks. The caller sees to it that one thread at a time does."""

    @abstractmethod
    def listen(self, prefix: bytes) -> None:
        """Receive frames that start with `prefix`. From any thread."""

    @abstractmethod
    def ignore(self, prefix: bytes) -> None:
        """Undo one `listen`. From any thread."""

    @abstractmethod
    def offer(self) -> None:
        """Let subscribers connect straight to this client. The caller holds off `publish` meanwhile."""

    @abstractmethod
    def listen_directly(self, service: str, prefix: bytes) -> None:
        """As `listen`, from one service that offers it, without the broker."""

    @abstractmethod
    def ignore_directly(self, service: str, prefix: bytes) -> None:
        """Undo one `listen_directly`."""

    @abstractmethod
    def follow(self) -> None:
        """Called now and then, from any thread: go where the broker is now, if it can move."""

    @abstractmethod
    def exchange(self, service: str, frame: bytes, call_id: bytes, wait_s: float) -> bytes | None:
        """Send a request and wait for the reply that carries `call_id`; None in time. From any thread."""

    @abstractmethod
    def bind(self, service: str) -> None:
        """Take requests for `service`. From any thread."""

    @abstractmethod
    def reply(self, peer: Any, frame: bytes) -> None:
        """Answer `peer`, on the link's own thread."""

    @abstractmethod
    def close(self) -> None:
        """Send what is queued, for half a second at most, and close."""


class ZmqBlockingLink(BlockingLink):
    """One thread reads the subscriber and the server; each request uses a socket of its own from a pool."""

    def __init__(self, places: Endpoints, name: str, hwm: int) -> None:
        self._secure = places.secure
        self._sockets = Connections(places, name, hwm)
        self._out = self._sockets.publisher()
        self._send_out = sockets.fast_send(self._out)
        self._in = self._sockets.subscriber()
        self._direct: dict[str, sockets.Socket] = {}
        self._offered: sockets.Socket | None = None
        self._router: sockets.Socket | None = None
        self._commands: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._idle: dict[str, list[sockets.Socket]] = {}
        self._pool = threading.Lock()
        self._open = True
        self._poller = zmq.Poller()
        self._thread = threading.Thread(target=self._receive, name="bus", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def publish(self, frame: bytes) -> None:
        self._send_out(frame, _NOBLOCK)
        if self._offered is not None:
            self._offered.send(frame, _NOBLOCK)

    def offer(self) -> None:
        bound = self._sockets.direct_publisher(self._out)
        self._offered = None if bound is self._out else bound

    def listen_directly(self, service: str, prefix: bytes) -> None:
        self._on_thread(lambda: self._direct_socket(service).setsockopt(zmq.SUBSCRIBE, prefix))

    def ignore_directly(self, service: str, prefix: bytes) -> None:
        self._on_thread(lambda: self._direct_socket(service).setsockopt(zmq.UNSUBSCRIBE, prefix))

    def _direct_socket(self, service: str) -> sockets.Socket:
        found = self._direct.get(service)
        if found is None:
            found = self._direct[service] = self._sockets.direct_subscriber(service)
            self._poller.register(found, zmq.POLLIN)
        return found

    def listen(self, prefix: bytes) -> None:
        self._on_thread(lambda: self._in.setsockopt(zmq.SUBSCRIBE, prefix))

    def ignore(self, prefix: bytes) -> None:
        self._on_thread(lambda: self._in.setsockopt(zmq.UNSUBSCRIBE, prefix))

    def follow(self) -> None:
        if self._secure:
            self._on_thread(lambda: self._sockets.follow((self._in,)))

    def _on_thread(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"\0")

    # -- the link's own thread

    def _receive(self) -> None:
        self._poller.register(self._in, zmq.POLLIN)
        self._poller.register(self._wake_read.fileno(), zmq.POLLIN)
        inbox, wake = self._in, self._wake_read.fileno()
        while self._open:
            ready = dict(self._poller.poll())
            if wake in ready:
                self._run_commands()
            if inbox in ready:
                self._drain_frames(inbox)
            for direct in tuple(self._direct.values()):
                if direct in ready:
                    self._drain_frames(direct)
            if self._router is not None and self._router in ready:
                self._drain_requests(self._router)

    def _run_commands(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)
        while self._commands:
            self._commands.popleft()()

    def _drain_frames(self, inbox: sockets.Socket) -> None:
        receive, on_frame = inbox.recv, self.on_frame
        with self.receiving, contextlib.suppress(zmq.Again):
            for _ in range(_RUN):
                on_frame(receive(_NOBLOCK))

    def _drain_requests(self, router: sockets.Socket) -> None:
        with contextlib.suppress(zmq.Again):
            for _ in range(_RUN):
                self.on_request(*read_request(router, self._secure, _NOBLOCK))

    def bind(self, service: str) -> None:
        done = threading.Event()

        def open_router() -> None:
            if self._router is None:
                self._router = self._sockets.server(service)
                self._poller.register(self._router, zmq.POLLIN)
            done.set()

        self._on_thread(open_router)
        if threading.current_thread() is not self._thread:
            done.wait(10.0)

    def reply(self, peer: Any, frame: bytes) -> None:
        assert self._router is not None
        with contextlib.suppress(zmq.ZMQError):  # the caller is gone; if it lives it asks again
            self._router.send(peer, _SNDMORE | _NOBLOCK)
            self._router.send(frame, _NOBLOCK)

    # -- requests, on the caller's thread

    def exchange(self, service: str, frame: bytes, call_id: bytes, wait_s: float) -> bytes | None:
        caller = self._borrow(service)
        try:
            caller.send(frame, _NOBLOCK)
            return _await_reply(caller, call_id, wait_s)
        except zmq.Again:
            return None
        finally:
            self._give_back(service, caller)

    def _borrow(self, service: str) -> sockets.Socket:
        with self._pool:
            idle = self._idle.get(service)
            if not idle:
                return self._sockets.caller(service)
            found = idle.pop()
            self._sockets.follow((found,))
            return found

    def _give_back(self, service: str, caller: sockets.Socket) -> None:
        with self._pool:
            if self._open:
                self._idle.setdefault(service, []).append(caller)
                return
        caller.close()

    def close(self) -> None:
        if not self._open:
            return
        with self._pool:
            self._open = False
            idle = [caller for callers in self._idle.values() for caller in callers]
            self._idle.clear()
        self._on_thread(lambda: None)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        for each in (*idle, *self._direct.values(), self._in, self._out, self._router, self._offered):
            if each is not None:
                each.close()
        self._wake_read.close()
        self._wake_write.close()
        self._sockets.close()


def _await_reply(caller: sockets.Socket, call_id: bytes, wait_s: float) -> bytes | None:
    """The reply with this id; replies to earlier tries of other requests on this socket are dropped."""
    deadline = time.monotonic() + wait_s
    while True:
        left_ms = int((deadline - time.monotonic()) * 1000.0)
        if left_ms < 0:
            return None
        caller.setsockopt(zmq.RCVTIMEO, left_ms)
        reply = caller.recv()
        if call_id in reply[:320]:
            return reply
