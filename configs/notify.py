"""Telling the supervisor: ready, alive, stopping.

The protocol is systemd's sd_notify(3): datagrams of `KEY=value` lines to the socket named in NOTIFY_SOCKET,
so a service runs under systemd as well. Where unix sockets are missing the supervisor gives
CRYPTOBOT_NOTIFY=`127.0.0.1:port:token`, and the token goes first in each datagram.
"""

import os
import socket

_WAIT_FOR_ROOM_S = 2.0


class Notifier:
    """Sends datagrams to the supervisor; does nothing when nobody listens."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        environment = os.environ if environ is None else environ
        self._prefix = b""
        self._socket: socket.socket | None = None
        self._address: str | tuple[str, int] = ""
        path = environment.get("NOTIFY_SOCKET", "")
        loopback = environment.get("CRYPTOBOT_NOTIFY", "")
        if path and hasattr(socket, "AF_UNIX"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._address = "\0" + path[1:] if path.startswith("@") else path
        elif loopback:
            host, port, token = loopback.split(":")
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._address = (host, int(port))
            self._prefix = f"TOKEN={token}\n".encode()

    def send(self, **fields: str | int) -> bool:
        """Send one datagram; False when the supervisor is away.

        Linux queues about ten datagrams for all services together (net.unix.max_dgram_qlen). A heartbeat that
        finds the queue full is dropped, another comes; anything else waits up to two seconds for room.
        """
        if self._socket is None:
            return False
        self._socket.settimeout(0.0 if "WATCHDOG" in fields else _WAIT_FOR_ROOM_S)
        lines = [f"{key}={value}" for key, value in fields.items()]
        lines.append(f"MAINPID={os.getpid()}")
        try:
            self._socket.sendto(self._prefix + "\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True

    def ready(self, status: str = "ready", **facts: str) -> None:
        """Tell that the service is ready, with what others may know: X_ENDPOINT, X_EPOCH, X_SCHEMAS."""
        self.send(READY=1, STATUS=status, **facts)

    def alive(self, progress: int, ill: str = "") -> None:
        """A heartbeat; `ill` says what does not work."""
        self.send(WATCHDOG=1, X_PROGRESS=progress, **({"X_ILL": " ".join(ill.split())[:500]} if ill else {}))

    def stopping(self) -> None:
        self.send(STOPPING=1)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
