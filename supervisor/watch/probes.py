"""Finding out from outside that a service is ready or well: a TCP connection, an HTTP answer, a command."""

import contextlib
import errno
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from ..catalogue.registry import Readiness
from ..loop import Loop
from ..unit import Unit

Verdict = Callable[[bool], None]
RunHelper = Callable[[Unit, tuple[str, ...], Callable[[int | None], None]], int]
Ping = Callable[[str, float, Verdict], None]


class Probes:
    """Runs probes on the loop, without threads; a probe never blocks the supervisor.

    Args:
        run: runs a command in a service's environment and gives its exit code.
    """

    def __init__(self, loop: Loop, run: RunHelper) -> None:
        self._loop, self._run = loop, run
        self.ping: Ping = lambda name, timeout_s, verdict: None

    def watch(self, unit: Unit, ready: Callable[[], None]) -> None:
        """Probe until it succeeds once or the process is another one; then call `ready`."""
        pid, readiness = unit.pid, unit.manifest.readiness

        def verdict(good: bool) -> None:
            if unit.pid != pid or unit.ready:
                return
            if good:
                ready()
            else:
                self._loop.call_later(readiness.interval_s, lambda: self._again(unit, pid, verdict))

        self.probe(unit, readiness, verdict)

    def _again(self, unit: Unit, pid: int, verdict: Verdict) -> None:
        if unit.pid == pid:
            self.probe(unit, unit.manifest.readiness, verdict)

    def probe(self, unit: Unit, readiness: Readiness, verdict: Verdict) -> None:
        """One try; `verdict` is called once, or never when it cannot be said (a ping without a bus)."""
        if readiness.kind == "tcp":
            _Connection(self._loop, readiness.host, readiness.port, b"", verdict, readiness.timeout_s)
        elif readiness.kind == "http":
            parts = urlsplit(readiness.url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
            _Connection(
                self._loop,
                parts.hostname or "127.0.0.1",
                parts.port or 80,
                request,
                verdict,
                readiness.timeout_s,
            )
        elif readiness.kind == "ping":
            self.ping(unit.name, readiness.timeout_s, verdict)
        else:
            self._run(unit, readiness.command, lambda code: verdict(code == 0))


class _Connection:
    """One non-blocking connection: open is enough, or the status line of an HTTP answer is judged."""

    def __init__(
        self, loop: Loop, host: str, port: int, request: bytes, verdict: Verdict, timeout_s: float
    ) -> None:
        self._loop, self._request, self._verdict = loop, request, verdict
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setblocking(False)
        self._timer = loop.call_later(timeout_s, lambda: self._end(False))
        try:
            code = self._socket.connect_ex((host, port))
        except OSError:
            code = errno.EINVAL
        if code not in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
            loop.call_soon(lambda: self._end(False))
            return
        loop.add_writer(self._socket.fileno(), self._connected)

    def _connected(self) -> None:
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(False)
        elif not self._request:
            self._end(True)
        else:
            self._loop.remove(self._socket.fileno())
            with contextlib.suppress(OSError):
                self._socket.send(self._request)
            self._loop.add_reader(self._socket.fileno(), self._answered)

    def _answered(self) -> None:
        try:
            words = self._socket.recv(64).split(None, 2)
        except OSError:
            words = []
        self._end(len(words) > 1 and words[1].isdigit() and int(words[1]) < 400)

    def _end(self, good: bool) -> None:
        if self._socket.fileno() < 0:
            return
        self._timer.cancel()
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        self._verdict(good)
