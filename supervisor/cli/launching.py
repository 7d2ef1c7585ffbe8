"""Starting a daemon, as a child of this process or for good."""

import json
import os
import subprocess
import time

from ...configs.errors import NotRunningError, ServiceError
from ...configs.paths import Home
from ..catalogue.registry import program
from ..control.client import ControlClient
from ..start.surroundings import LEASH_VARIABLE, READY_VARIABLE

OVERRIDES_VARIABLE = "CRYPTOBOT_OVERRIDES"
_LOOK_EVERY_S = 0.02
_START_TIMEOUT_S = 20.0
_END_TIMEOUT_S = 10.0


class Launched:
    """A daemon that this process started, as a child in a session of its own.

    Args:
        overrides: the `--set` values, which a later reload keeps.
        leashed: it ends, in order, when this process is gone for whatever reason, `kill -9` included.

    Raises:
        ServiceError: it did not start; with what it said.
    """

    def __init__(self, home: Home, *, leashed: bool, overrides: tuple[str, ...] = ()) -> None:
        self._home = home
        self._output = home.logs / "supervisor.out"
        self._leash = -1
        ready = -1
        environment, passed = {**os.environ, OVERRIDES_VARIABLE: json.dumps(overrides)}, list[int]()
        if os.name == "posix":
            ready, ready_end = os.pipe()
            environment[READY_VARIABLE] = str(ready_end)
            passed.append(ready_end)
            if leashed:
                leash_end, self._leash = os.pipe()
                environment[LEASH_VARIABLE] = str(leash_end)
                passed.append(leash_end)
        self.process = self._spawn(environment, passed)
        for descriptor in passed:
            os.close(descriptor)
        if ready >= 0:
            self._hear(ready)

    @property
    def pid(self) -> int:
        return self.process.pid

    def _spawn(self, environment: dict[str, str], passed: list[int]) -> "subprocess.Popen[bytes]":
        words = [*program(), "--home", str(self._home.root), "service", "run", "supervisor"]
        with self._output.open("ab") as output:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=passed,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def _hear(self, ready: int) -> None:
        """Wait for its one word: `ready`, or the reason why not."""
        with os.fdopen(ready, "rb") as reader:
            word = reader.read().decode("utf-8", "replace").strip()
        if word == "ready":
            return
        code = self.wait(_END_TIMEOUT_S)
        raise ServiceError(word or f"The supervisor ended with exit code {code}; {self._output} may say why.")

    def connect(self) -> ControlClient:
        """A connection to it; on systems without the pipe, as soon as it answers."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                return ControlClient(self._home)
            except NotRunningError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(_LOOK_EVERY_S)

    def alive(self) -> bool:
        return self.process.poll() is None

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
