"""Metrics in the text format of Prometheus (version 0.0.4), and the loopback port that serves them."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from ..loop import Loop, Timer
from ..states import STATES

# field of a status, name, kind, help, what the field is divided by
_FIELDS = (
    ("ready", "cryptobot_service_up", "gauge", "1 when the service is ready.", 1),
    ("cpu_percent", "cryptobot_service_cpu_ratio", "gauge", "CPU use; 1 is a whole core.", 100),
    ("rss_bytes", "cryptobot_service_resident_bytes", "gauge", "Resident memory.", 1),
    ("pss_bytes", "cryptobot_service_proportional_bytes", "gauge", "Memory, shared pages by share (PSS).", 1),
    ("threads", "cryptobot_service_threads", "gauge", "Threads.", 1),
    ("open_files", "cryptobot_service_open_files", "gauge", "Open file descriptors.", 1),
    ("disk_bytes", "cryptobot_service_disk_bytes", "gauge", "Disk used by its files in the home.", 1),
    ("uptime_s", "cryptobot_service_uptime_seconds", "gauge", "Seconds since the process was started.", 1),
    ("restarts", "cryptobot_service_restarts_total", "counter", "Restarts since the supervisor knows it.", 1),
)
_OWN = (
    ("uptime_s", "cryptobot_supervisor_uptime_seconds", "gauge", "Seconds since the supervisor was started."),
    ("cpu_s", "cryptobot_supervisor_cpu_seconds_total", "counter", "Processor time of the supervisor."),
    ("alerts", "cryptobot_alerts", "gauge", "Open alerts."),
)
_MAX_REQUEST = 8192
_MOST_CONNECTIONS = 16
_PATIENCE_S = 5.0


def prometheus(status: dict[str, Any]) -> str:
    """The status of everything as metrics, one sample a service."""
    services, own = status["services"], status["supervisor"]
    lines = [
        "# HELP cryptobot_build_info The version that runs.",
        "# TYPE cryptobot_build_info gauge",
        f'cryptobot_build_info{{version="{own["version"]}"}} 1',
    ]
    for field, name, kind, help_text in _OWN:
        if field in own:
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", f"{name} {own[field]}"]
    for field, name, kind, help_text, divisor in _FIELDS:
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
        for service in services:
            value = service.get(field, 0)
            lines.append(f'{name}{{service="{service["name"]}"}} {value / divisor:.10g}')
    name = "cryptobot_service_state"
    lines += [f"# HELP {name} 1 for the state the service is in.", f"# TYPE {name} gauge"]
    for service in services:
        for state in STATES:
            value = int(service["state"] == state)
            lines.append(f'{name}{{service="{service["name"]}",state="{state}"}} {value}')
    return "\n".join(lines) + "\n"


class MetricsServer:
    """Answers `GET /metrics` on 127.0.0.1, without a thread of its own.

    Args:
        read: makes the text that is served.

    Raises:
        OSError: the port cannot be had.
    """

    def __init__(self, loop: Loop, port: int, read: Callable[[], str]) -> None:
        self._loop, self._read, self.port = loop, read, port
        self._connections: set[_Scrape] = set()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", port))
            self._listener.listen(_MOST_CONNECTIONS)
        except OSError:
            self._listener.close()
            raise
        self._listener.setblocking(False)
        loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            if len(self._connections) >= _MOST_CONNECTIONS:
                sock.close()
                return
            self._connections.add(_Scrape(self._loop, sock, self._read, self._connections.discard))

    def close(self) -> None:
        """Hang up and free the port."""
        self._loop.remove(self._listener.fileno())
        self._listener.close()
        for connection in tuple(self._connections):
            connection.close()


class _Scrape:
    """One connection: a request is read, an answer written, and that is all."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        read: Callable[[], str],
        gone: Callable[["_Scrape"], None],
    ) -> None:
        self._loop, self._socket, self._read, self._gone = loop, sock, read, gone
        self._received, self._unsent = b"", b""
        self._timer: Timer = loop.call_later(_PATIENCE_S, self.close)
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._take)

    def _take(self) -> None:
        try:
            data = self._socket.recv(_MAX_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        if b"\r\n\r\n" in self._received:
            self._loop.remove(self._socket.fileno())
            self._unsent = self._answer(self._received.split(b"\r\n", 1)[0])
            self._loop.add_writer(self._socket.fileno(), self._flush)
        elif not data or len(self._received) > _MAX_REQUEST:
            self.close()

    def _answer(self, first: bytes) -> bytes:
        words = first.split()
        path = words[1].partition(b"?")[0] if len(words) == 3 else b""
        if len(words) != 3 or words[0] not in {b"GET", b"HEAD"}:
            status, text = "405 Method Not Allowed", "Ask with GET.\n"
        elif path != b"/metrics":
            status, text = "404 Not Found", "The metrics are at /metrics.\n"
        else:
            status, text = "200 OK", self._read()
        body = text.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if words[:1] == [b"HEAD"] else body)

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self.close()

    def close(self) -> None:
        self._timer.cancel()
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        self._gone(self)
