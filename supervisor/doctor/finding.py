"""What a check finds, and what it finds it with."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...configs.errors import CryptoBotError, NotRunningError
from ...configs.load import load
from ...configs.paths import Home
from ...configs.schema import Settings
from ..cli import daemon

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        verdict: ok, warning (it works, and may not for long) or fault (it does not work).
        what: what was found.
        why: why that matters; "" when all is well.
        todo: what a person does about it; "" when there is nothing to do.
        mended: what `--fix` did about it; "" when nothing was.
    """

    check: str
    verdict: str
    what: str
    why: str = ""
    todo: str = ""
    mended: str = ""


@dataclass(frozen=True)
class Instruments:
    """What the machine is looked at with; tests give others."""

    now: Callable[[], float] = time.time
    free_disk: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
    free_inodes: Callable[[Path], int | None] = field(default=lambda path: _free_inodes(path))
    free_memory: Callable[[], int | None] = field(default=lambda: _free_memory())
    clock_error_s: Callable[[], float | None] = field(default=lambda: _clock_error_s())
    limit: Callable[[str], int | None] = field(default=lambda name: _limit(name))
    python: tuple[int, ...] = tuple(sys.version_info[:3])


class Patient:
    """One home under examination; what several checks want to know is found out once."""

    def __init__(self, home: Home, instruments: Instruments | None = None) -> None:
        self.home = home
        self.instruments = instruments or Instruments()

    @property
    def existing(self) -> Path:
        """The home, or the nearest folder above it that exists."""
        return next(path for path in (self.home.root, *self.home.root.parents) if path.exists())

    @cached_property
    def settings(self) -> Settings | None:
        """As the files have them; None while they are broken."""
        try:
            loaded: Settings = load(self.home).settings
        except CryptoBotError:
            return None
        return loaded

    @cached_property
    def status(self) -> dict[str, Any] | None:
        """What the running supervisor says; None when none answers."""
        try:
            return daemon.status(self.home)
        except (NotRunningError, OSError):
            return None

    @cached_property
    def orphans(self) -> list[str]:
        """Services that run without a supervisor."""
        return [] if self.status else daemon.orphans(self.home)

    @property
    def at_rest(self) -> bool:
        """Whether nothing of this home runs: then its files are nobody's but ours."""
        return self.status is None and not self.orphans

    def forget(self) -> None:
        """Something was mended: look again."""
        for name in ("settings", "status", "orphans"):
            self.__dict__.pop(name, None)


def _free_inodes(path: Path) -> int | None:
    if not hasattr(os, "statvfs"):
        return None
    found = os.statvfs(path)
    return found.f_favail if found.f_files else None  # some file systems make them as needed


def _free_memory() -> int | None:
    from ..watch.protect import measure

    return measure(Path("/")).memory


def _clock_error_s() -> float | None:
    """How wrong the clock may be by the kernel's own reckoning; infinite when nothing keeps it right."""
    if sys.platform != "linux":
        return None
    import ctypes

    # struct timex of adjtimex(2): int modes; long offset, freq, maxerror, esterror; int status; ...
    buffer = (ctypes.c_long * 32)()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    if state < 0:
        return None
    return float("inf") if state == 5 else buffer[3] / 1e6


def _limit(name: str) -> int | None:
    """The soft limit of this process; None where there is none."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    return None if soft == resource.RLIM_INFINITY else soft
