"""Where log lines go: stderr, which may be slow, full or gone, and must then neither block nor end a service.

A pipe is written to only as far as it takes bytes at once. What it does not take waits here, up to a limit;
what is beyond, or meets an error (reader gone, disk full), is dropped and counted. The count is told as soon
as lines pass again.
"""

import contextlib
import os
import select
import sys
import threading
import time
from collections import deque
from typing import Any

BACKLOG_BYTES = 1_048_576
# write(2) of at most PIPE_BUF bytes does not block when poll(2) says that the pipe is writable (pipe(7)).
_CHUNK = 4096


class LogSink:
    """A text stream for loggers. `write` never raises and never blocks on a pipe or terminal.

    Args:
        descriptor: where to write; stderr's as a rule.
        backlog_bytes: how much may wait for a slow reader.
    """

    def __init__(self, descriptor: int, *, backlog_bytes: int = BACKLOG_BYTES) -> None:
        self.dropped = 0
        self._descriptor, self._limit = descriptor, backlog_bytes
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._untold = 0
        self._lock = threading.Lock()
        self._poll = _poll_of(descriptor)

    def write(self, text: str) -> int:
        """Take whole lines."""
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            if self._waiting + len(data) > self._limit:
                self._count_drop()
            else:
                self._lines.append(data)
                self._waiting += len(data)
            self._drain()
        return len(text)

    def flush(self) -> None:
        """Write what can be written now."""
        with self._lock:
            self._drain()

    def finish(self, patience_s: float = 1.0) -> None:
        """Before the process ends: wait a little for a slow reader."""
        deadline = time.monotonic() + patience_s
        while True:
            with self._lock:
                self._drain()
                if not self._lines:
                    return
            if time.monotonic() >= deadline:
                return
            if self._poll is not None:
                self._poll.poll(50)

    def _drain(self) -> None:
        while self._lines and self._is_writable():
            chunk = self._lines[0][:_CHUNK]
            try:
                written = os.write(self._descriptor, chunk)
            except BlockingIOError:
                return
            except (OSError, ValueError):
                self._forget_line()
                continue
            self._waiting -= written
            rest = self._lines[0][written:]
            if rest:
                self._lines[0] = rest
            else:
                self._lines.popleft()
                self._tell_drops()

    def _forget_line(self) -> None:
        self._waiting -= len(self._lines.popleft())
        self._count_drop()

    def _count_drop(self) -> None:
        self.dropped += 1
        self._untold += 1

    def _tell_drops(self) -> None:
        if self._untold and not self._lines:
            line = f'{{"level":"warning","event":"log lines dropped","count":{self._untold}}}\n'.encode()
            self._untold = 0
            self._lines.append(line)
            self._waiting += len(line)

    def _is_writable(self) -> bool:
        if self._poll is None:
            return True
        with contextlib.suppress(OSError):
            return bool(self._poll.poll(0))
        return True


def _poll_of(descriptor: int) -> Any:
    """A poll object for the descriptor; None where poll(2) is missing (Windows)."""
    if descriptor < 0 or not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll


def stderr_sink() -> LogSink:
    """The sink of this process's stderr; one that drops everything when there is none."""
    try:
        return LogSink(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return LogSink(-1)
