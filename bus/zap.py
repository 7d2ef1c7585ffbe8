"""Who may connect over TCP: answers ZeroMQ's authentication protocol (ZAP, rfc.zeromq.org/spec/27) by key."""

import threading
import time

import zmq
from zmq.utils import z85

from ..configs.paths import Home
from . import keys, sockets

_ADDRESS = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
_REREAD_S = 0.05
_FORGET_S = 5.0


class Doorkeeper:
    """Admits clients whose public key is on the allow-list; their User-Id is the key's holder.

    It must be there before a socket of the context is bound, and be closed before the context.
    """

    def __init__(self, owner: sockets.Context, home: Home) -> None:
        self._home = home
        self._allowed: dict[bytes, str] = {}
        self._read_at = -_REREAD_S
        self.refused = 0
        self._socket: sockets.Socket = owner.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ADDRESS)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorkeeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if self._socket.poll(200):
                    self._socket.send_multipart(self._answer(self._socket.recv_multipart()))
        finally:
            self._socket.close()

    def _answer(self, request: list[bytes]) -> list[bytes]:
        holder = self._holder(request)
        number = request[1] if len(request) > 1 else b""
        if not holder:
            self.refused += 1
            # 300 lets the client try again, for its key may be added; after 400 it would stay away for ever.
            return [_VERSION, number, b"300", b"unknown key", b"", b""]
        return [_VERSION, number, b"200", b"", holder.encode(), b""]

    def _holder(self, request: list[bytes]) -> str:
        if len(request) != 7 or request[0] != _VERSION or request[5] != b"CURVE" or len(request[6]) != 32:
            return ""
        public = z85.encode(request[6])
        if public not in self._allowed and time.monotonic() - self._read_at >= _REREAD_S:
            self._reread()
        elif time.monotonic() - self._read_at >= _FORGET_S:
            self._reread()  # a key that was removed is refused at its next connection
        return self._allowed.get(public, "")

    def _reread(self) -> None:
        self._allowed = keys.allowed(self._home)
        self._read_at = time.monotonic()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
