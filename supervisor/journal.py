"""The supervisor's own log: one JSON object a line, in logs/supervisor.log and on stderr in the foreground."""

import os
import sys
import time
import traceback

import msgspec

from ..configs.paths import Home
from .logfile import LogFile

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Journal:
    """Writes lines. Never raises for the disk's sake.

    Args:
        echo: also to stderr, for the foreground.
    """

    def __init__(self, home: Home, max_bytes: int, keep: int, *, echo: bool) -> None:
        self._file = LogFile(home.logs / "supervisor.log", max_bytes, keep)
        self._echo = echo

    def write(self, level: str, event: str, **fields: object) -> None:
        """One line."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
        line = (
            _encode({"ts": stamp, "level": level, "service": "supervisor", "event": event, **fields}) + b"\n"
        )
        self._file.write(line)
        if self._echo:
            try:
                os.write(sys.stderr.fileno(), line)
            except (OSError, ValueError):
                self._echo = False  # the terminal is gone; the file goes on

    def fault(self, error: BaseException) -> None:
        """A callback raised: a bug, logged with its trace."""
        self.write("error", "fault in the supervisor", trace="".join(traceback.format_exception(error)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
