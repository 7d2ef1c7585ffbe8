"""Single keys from the terminal, without Enter; the terminal is given back as it was."""

import contextlib
import sys
import time
from collections.abc import Iterator

_ARROWS = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down"}
_WINDOWS_ARROWS = {"H": "up", "P": "down"}


class Keys:
    """Keys as they are pressed. Not a terminal: there are none, and waiting is only waiting."""

    def wait(self, seconds: float) -> str:
        """The next key, or "" when none came in time."""
        time.sleep(seconds)
        return ""


class _PosixKeys(Keys):
    def wait(self, seconds: float) -> str:
        import os
        import select

        readable, _, _ = select.select([sys.stdin], [], [], seconds)
        if not readable:
            return ""
        # Nothing to read where something was announced: the terminal is gone. An arrow comes as one piece.
        data = os.read(sys.stdin.fileno(), 1)
        if data == b"\x1b" and select.select([sys.stdin], [], [], 0)[0]:
            data += os.read(sys.stdin.fileno(), 2)
        return _ARROWS.get(data) or data.decode("latin-1") or "q"


class _WindowsKeys(Keys):
    def wait(self, seconds: float) -> str:
        if sys.platform != "win32":
            return ""
        import msvcrt

        time.sleep(seconds)
        if not msvcrt.kbhit():
            return ""
        key = msvcrt.getwch()
        return _WINDOWS_ARROWS.get(msvcrt.getwch(), "") if key in {"\x00", "\xe0"} else key


@contextlib.contextmanager
def keys() -> Iterator[Keys]:
    """Take keys one by one until the end of the block."""
    if not sys.stdin.isatty():
        yield Keys()
        return
    if sys.platform == "win32":
        yield _WindowsKeys()
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _PosixKeys()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
