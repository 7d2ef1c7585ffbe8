"""One supervisor a home."""

import os
import sys
from pathlib import Path

from ...configs.errors import UsageError
from ...configs.paths import Home


def lock_path(home: Home) -> Path:
    """The file that is locked; it holds the pid of the holder."""
    return home.run / "supervisor.lock"


class Lock:
    """One supervisor a home: a lock that the system frees when its holder dies, however it dies."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = lock_path(home)
        self._descriptor = -1

    def take(self, held: int = -1) -> None:
        """Hold it until `release`.

        Args:
            held: the descriptor, when this process holds the lock already.

        Raises:
            UsageError: another supervisor holds it; its pid is named.
        """
        self._descriptor = held if held >= 0 else os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if held < 0 and not _try_lock(self._descriptor):
            holder = (
                os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
                if os.name == "posix"
                else "?"
            )
            os.close(self._descriptor)
            raise UsageError(
                f"CryptoBot already runs in {self._home.root} as process {holder}; "
                "see `cryptobot status`, or stop it with `cryptobot down`."
            )
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let it go."""
        os.close(self._descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1024, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
