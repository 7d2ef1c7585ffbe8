"""What children tell us: sd_notify(3) datagrams on a socket whose path outlives the supervisor.

The kernel adds the sender's pid, so that a datagram cannot be sent in another service's name.
"""

import contextlib
import os
import secrets
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from ...configs.paths import Home
from .datagrams import listen

NOTIFY_NAME = "_notify.sock"
"""No service is called so: `notify.sock` is the address at which the service notify answers."""
_CREDENTIALS = struct.Struct("3i")
_MAX = 8192
# Listeners before this many datagrams a turn keep their share of the loop.
_PER_TURN = 512

NotifyHandler = Callable[[int, dict[str, str]], None]


class NotifySocket:
    """Receives datagrams and hands them on as (sender's pid, fields).

    Args:
        bound: the socket, when children know it already.
    """

    def __init__(self, home: Home, handler: NotifyHandler, bound: socket.socket | None = None) -> None:
        self._handler = handler
        self._token = ""
        self.environment: dict[str, str] = {}
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            self._path: Path | None = home.sockets / NOTIFY_NAME
            self._socket = bound or listen(str(self._path))
            self.environment = {"NOTIFY_SOCKET": str(self._path)}
        else:
            self._path = None
            self._token = secrets.token_hex(16)
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", 0))
            port = self._socket.getsockname()[1]
            self.environment = {"CRYPTOBOT_NOTIFY": f"127.0.0.1:{port}:{self._token}"}
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For the loop."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Hand on all that has arrived."""
        for _ in range(_PER_TURN):
            try:
                data, ancillary, _flags, _sender = self._receive_one()
            except (BlockingIOError, InterruptedError):
                return
            fields = _parse(data)
            pid = self._sender(ancillary, fields)
            if pid:
                self._handler(pid, fields)

    def _receive_one(self) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        if self._path is None:
            data, sender = self._socket.recvfrom(_MAX)
            return data, [], 0, sender
        return self._socket.recvmsg(_MAX, socket.CMSG_SPACE(_CREDENTIALS.size))

    def _sender(self, ancillary: list[tuple[int, int, bytes]], fields: dict[str, str]) -> int:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", -1):
                return int(_CREDENTIALS.unpack_from(data)[0])
        # Without credentials of the kernel, the folder's mode (unix) or the token (loopback) is the proof.
        if self._token and not secrets.compare_digest(fields.get("TOKEN", ""), self._token):
            return 0
        claimed = fields.get("MAINPID", "")
        return int(claimed) if claimed.isdigit() else 0

    def close(self) -> None:
        """Close and remove the socket."""
        self._socket.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


def _parse(data: bytes) -> dict[str, str]:
    fields = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        key, separator, value = line.partition("=")
        if separator:
            fields[key] = value
    return fields


def tell_manager(message: str) -> None:
    """Tell the service manager that runs *us* (systemd, Type=notify), if there is one."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path or not hasattr(socket, "AF_UNIX"):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.sendto(message.encode(), "\0" + path[1:] if path.startswith("@") else path)
