"""What is printed past the loggers: by `print`, by libraries, by the traceback of a thread that died.

It goes the same way as log lines do, a line at a time, so that it blocks nothing either, and with every
secret of this process blotted out.
"""

import io
import sys
import threading
from typing import cast

from ...configs.secret import MASKER
from .sink import LogSink

# A line that never ends is let go in pieces; a secret is never cut, for it is shorter than what is held back.
_LONGEST = 65_536
_HELD_BACK = 4096


class PrintedLines(io.TextIOBase):
    """A text stream in the place of stdout or stderr.

    Args:
        sink: where whole lines go.
        descriptor: what `fileno` says, for programs that are started with it.
    """

    def __init__(self, sink: LogSink, descriptor: int) -> None:
        super().__init__()
        self._sink, self._descriptor = sink, descriptor
        self._rest = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute here
        """UTF-8; what cannot be said in it is escaped by the sink."""
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        """Never raises and never blocks on a slow reader."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._sink.write(MASKER.blot(line) + "\n")
            if len(self._rest) > _LONGEST:
                blotted = MASKER.blot(self._rest)
                self._sink.write(blotted[:-_HELD_BACK] + "\n")
                self._rest = blotted[-_HELD_BACK:]
        return len(text)

    def flush(self) -> None:
        """Half a line waits for its other half: a secret may lie across the two."""
        self._sink.flush()

    def finish(self) -> None:
        """The process ends: half a line is all that comes."""
        with self._lock:
            if self._rest:
                self.write("\n")


def take_over(sink: LogSink) -> None:
    """From now on `print` and uncaught tracebacks go to this sink."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        if not isinstance(getattr(sys, name), PrintedLines):
            setattr(sys, name, PrintedLines(sink, number))


def finish() -> None:
    """Before the sink is finished: write out half lines, and give the streams back."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, PrintedLines):
            stream.finish()
            setattr(sys, name, cast("io.TextIOBase", getattr(sys, f"__{name}__")))
