"""One window a home and person: a second one is refused politely."""

import hashlib
import os
import tempfile
from pathlib import Path

from ...configs.errors import UsageError
from ...configs.paths import Home


class Claim:
    """Holds the right to the window of a home until `release`, or until this process ends.

    Raises:
        UsageError: another window of this home is open.
    """

    def __init__(self, home: Home) -> None:
        from filelock import FileLock, Timeout

        digest = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        self._lock = FileLock(
            Path(tempfile.gettempdir()) / f"cryptobot-launcher-{user}-{digest}.lock", timeout=0
        )
        try:
            self._lock.acquire()
        except Timeout:
            raise UsageError(
                f"A launcher of {home.root} is open already; use that window, or another home "
                "with --home DIR."
            ) from None

    def release(self) -> None:
        """Let another window have it."""
        self._lock.release()
