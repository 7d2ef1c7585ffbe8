"""The supervisor's own log: JSON lines in logs/supervisor.log, in the foreground on stderr too."""

import os
import sys
import time
import traceback
from collections.abc import Callable

import msgspec

from ...configs.paths import Home
from .logfile import LogFile

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Journal:
    """Writes lines. Never raises for the disk's sake.

    Args:
        echo: also to stderr, for the foreground.
    """

    def __init__(self, home: Home, max_bytes: int, keep: int, *, echo: bool, every_s: float = 0.0) -> None:
        self._file = LogFile(home.logs / "supervisor.log", max_bytes, keep, every_s)
        self._echo = echo
        self._unwritten: list[bytes] = []
        self.later: Callable[[Callable[[], None]], None] | None = None
        self._second = -1
        self._second_text = ""

    def write(self, level: str, event: str, **fields: object) -> None:
        """One line. With `later` set, the lines of one turn of the loop are written together."""
        stamp = self._stamp(time.time())
        line = _encode({"ts": stamp, "level": level, "service": "supervisor", "event": event, **fields})
        if self.later is not None and not self._unwritten:
            self.later(self.flush)
        self._unwritten.append(line)
        if self.later is None:
            self.flush()

    def _stamp(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        return f"{self._second_text}.{int(now % 1 * 1e6):06d}Z"

    def flush(self) -> None:
        """Write what waits."""
        if not self._unwritten:
            return
        data = b"\n".join(self._unwritten) + b"\n"
        self._unwritten.clear()
        self._file.write(data)
        if self._echo:
            try:
                os.write(sys.stderr.fileno(), data)
            except (OSError, ValueError):
                self._echo = False  # the terminal is gone; the file goes on

    def fault(self, error: BaseException) -> None:
        """A callback raised: a bug, logged with its trace."""
        self.write("error", "fault in the supervisor", trace="".join(traceback.format_exception(error)))

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._file.close()
