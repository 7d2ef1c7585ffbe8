"""The daemon of a home: is it there, what does it say, and starting one."""

import os
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from ...configs.errors import NotRunningError, ServiceError, UsageError
from ...configs.paths import Home
from ..control.client import ControlClient

LEASH_VARIABLE = "CRYPTOBOT_LEASH_FD"
_LOOK_EVERY_S = 0.01
_START_TIMEOUT_S = 20.0
_TOLD_LINES = 3


def connect(home: Home, *, timeout_s: float = 10.0) -> ControlClient:
    """A connection to the daemon.

    Raises:
        NotRunningError: no daemon runs in this home.
    """
    return ControlClient(home, timeout_s=timeout_s)


def status(home: Home) -> dict[str, Any]:
    """{"supervisor": {...}, "services": [...]}; raises NotRunningError."""
    with connect(home) as client:
        return client.status()


def running_pid(home: Home) -> int | None:
    """The daemon's pid; None when none runs."""
    try:
        return int(status(home)["supervisor"]["pid"])
    except NotRunningError:
        return None


def is_running(home: Home) -> bool:
    return running_pid(home) is not None


def require_running(home: Home) -> None:
    """Raises NotRunningError when no daemon runs in this home."""
    connect(home).close()


def refuse_second(home: Home) -> None:
    """Raises UsageError, naming the pid, when a daemon runs in this home."""
    pid = running_pid(home)
    if pid is not None:
        raise UsageError(
            f"CryptoBot already runs in {home.root} as pid {pid}. "
            "Stop it with `cryptobot down`, or take another home with --home DIR."
        )


class Launched:
    """A daemon that this process started, as a child in a session of its own.

    Args:
        leashed: it ends, in order, when this process is gone for whatever reason, `kill -9` included.
    """

    def __init__(self, home: Home, *, leashed: bool) -> None:
        self._home = home
        self._leash = -1
        self.process = self._spawn(leashed)

    @property
    def pid(self) -> int:
        return self.process.pid

    def _spawn(self, leashed: bool) -> "subprocess.Popen[bytes]":
        environment = dict(os.environ)
        passed: Sequence[int] = ()
        if leashed and os.name == "posix":
            read_end, self._leash = os.pipe()
            os.set_inheritable(read_end, True)
            environment[LEASH_VARIABLE] = str(read_end)
            passed = (read_end,)
        from ..registry import program

        words = [*program(), "--home", str(self._home.root), "service", "run", "supervisor"]
        with (self._home.logs / "supervisor.log").open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=passed,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        for descriptor in passed:
            os.close(descriptor)
        return process

    def connect(self) -> ControlClient:
        """Wait until the daemon answers.

        Raises:
            ServiceError: it ended, or did not answer in time; with what it said last.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                return ControlClient(self._home)
            except NotRunningError:
                if self.process.poll() is not None:
                    break
                time.sleep(_LOOK_EVERY_S)
        code = self.process.poll()
        what = "does not answer" if code is None else f"ended at once with exit code {code}"
        raise ServiceError(f"The supervisor {what}: {self._last_words()}")

    def _last_words(self) -> str:
        path = self._home.logs / "supervisor.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TOLD_LINES:]
        return " / ".join(line.removeprefix("cryptobot: ") for line in lines) or f"{path} says nothing."

    def wait(self, timeout_s: float) -> int:
        """Wait until it ended and return its exit code; kill it when it does not."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self._leash >= 0:
                os.close(self._leash)
                self._leash = -1
