"""The control socket: newline-delimited JSON for people's commands, answered from memory.

    {"id": 1, "op": "restart", "service": "data", "wait": true}
    {"id": 1, "ok": true, "result": {...}}
    {"id": 1, "ok": false, "error": {"code": "...", "message": "..."}}

After the op `events` the connection carries a snapshot and then every change of a state, one object a line.
"""

import contextlib
import os
import secrets
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from ...configs.errors import CryptoBotError, SettingsError, UsageError
from ...configs.files import replace
from ...configs.paths import Home
from ..loop import Loop

CONTROL_NAME = "control.sock"
PORT_FILE = "control.json"
_MAX_REQUEST = 1_048_576
_MAX_UNSENT = 1_048_576
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode

Reply = Callable[[object], None]


class Handler:
    """What the server calls. Operations that take time keep `reply` and call it later, once."""

    def handle(self, operation: str, arguments: dict[str, object], reply: Reply) -> None:
        """Carry out one request.

        Raises:
            CryptoBotError: it cannot be done; the caller is told the sentence.
        """
        raise NotImplementedError

    def snapshot(self) -> dict[str, object]:
        """What a new subscriber hears first."""
        raise NotImplementedError

    def refused(self, why: str) -> None:
        """Somebody was turned away."""
        raise NotImplementedError


class _Connection:
    def __init__(self, server: "ControlServer", sock: socket.socket, uid: int | None) -> None:
        self._server, self._socket, self._uid = server, sock, uid
        self._received = b""
        self._unsent = b""
        self.trusted = server.token == ""
        self.subscribed = False
        self.open = True
        sock.setblocking(False)
        server.loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        while self.open:
            line, found, rest = self._received.partition(b"\n")
            if not found:
                break
            self._received = rest
            self._take(line)
        if len(self._received) > _MAX_REQUEST:
            self._server.handler.refused("a request of more than one megabyte")
            self.close()

    def _take(self, line: bytes) -> None:
        number: object = None
        try:
            request = _decode(line)
            number = request.get("id")
            request["uid"] = -1 if self._uid is None else self._uid  # the kernel's word, not the caller's
            operation = str(request.get("op", ""))
            if not self.trusted and not self._proves(request):
                return
            if operation == "events":
                self._subscribe(number)
                return
            self._server.handler.handle(operation, request, lambda result: self._answer(number, result))
        except (msgspec.MsgspecError, RecursionError) as error:
            self.send(
                {
                    "id": number,
                    "ok": False,
                    "error": {"code": "bad_request", "message": f"Not JSON: {error}."},
                }
            )
        except CryptoBotError as error:
            self.send({"id": number, "ok": False, "error": {"code": _code(error), "message": str(error)}})

    def _proves(self, request: dict[str, object]) -> bool:
        given = str(request.get("token", ""))
        self.trusted = secrets.compare_digest(given, self._server.token)
        if not self.trusted:
            self._server.handler.refused("a request with a wrong token")
            self.close()
        return self.trusted

    def _answer(self, number: object, result: object) -> None:
        self.send({"id": number, "ok": True, "result": result})

    def _subscribe(self, number: object) -> None:
        self._answer(number, {"snapshot": self._server.handler.snapshot()})
        self.subscribed = True
        self._server.subscribers.add(self)

    def send(self, message: object) -> None:
        self.send_bytes(_encode(message) + b"\n")

    def send_bytes(self, data: bytes) -> None:
        if not self.open:
            return
        if self._unsent:
            self._unsent += data
            if len(self._unsent) > _MAX_UNSENT:
                self._too_slow()
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._server.loop.add_writer(self._socket.fileno(), self._flush)

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._server.loop.remove_writer(self._socket.fileno())

    def _too_slow(self) -> None:
        # Whole lines that fit are lost with the rest: the last words say why the stream ends.
        self._unsent = b""
        with contextlib.suppress(OSError):
            self._socket.send(b'\n{"kind":"dropped","reason":"this subscriber read too slowly"}\n')
        self._server.handler.refused("a subscriber that read too slowly was dropped")
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._server.loop.remove(self._socket.fileno())
            self._server.subscribers.discard(self)
            self._server.connections.discard(self)
            self._socket.close()


class ControlServer:
    """Listens for commands on a unix socket (peer's user checked), or on loopback TCP with a token."""

    def __init__(self, home: Home, loop: Loop, handler: Handler) -> None:
        self.loop, self.handler = loop, handler
        self.token = ""
        self.connections: set[_Connection] = set()
        self.subscribers: set[_Connection] = set()
        self._path: Path
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            self._path = home.sockets / CONTROL_NAME
            self._path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(self._path))
            self._path.chmod(0o600)
        else:
            self._path = home.run / PORT_FILE
            self.token = secrets.token_hex(32)
            self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._listener.bind(("127.0.0.1", 0))
            address = {"port": self._listener.getsockname()[1], "token": self.token}
            replace(self._path, _encode(address))
        self._listener.listen(128)
        self._listener.setblocking(False)
        loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _address = self._listener.accept()
            uid = peer_uid(sock)
            if uid is not None and uid not in {os.getuid(), 0}:
                self.handler.refused(f"a connection of user {uid}")
                sock.close()
                return
            self.connections.add(_Connection(self, sock, uid))

    def publish(self, message: object) -> None:
        """Send to all subscribers; one that does not read is dropped, nobody is blocked."""
        if self.subscribers:
            data = _encode(message) + b"\n"
            for connection in tuple(self.subscribers):
                connection.send_bytes(data)

    def close(self) -> None:
        """Close everything and remove the socket."""
        self.loop.remove(self._listener.fileno())
        self._listener.close()
        for connection in tuple(self.connections):
            connection.close()
        self._path.unlink(missing_ok=True)


def peer_uid(sock: socket.socket) -> int | None:
    """The user at the other end, as the kernel tells; None where it does not (the folder's mode guards)."""
    if hasattr(socket, "SO_PEERCRED"):
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", data)[1])
    if hasattr(socket, "LOCAL_PEERCRED"):
        data = sock.getsockopt(0, socket.LOCAL_PEERCRED, 8)
        return int(struct.unpack_from("iI", data)[1])
    return None


def _code(error: CryptoBotError) -> str:
    if isinstance(error, SettingsError):
        return "settings"
    return "usage" if isinstance(error, UsageError) else "failed"
