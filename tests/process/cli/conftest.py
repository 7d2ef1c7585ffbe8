"""Running `cryptobot` as people do: a process, its streams, its exit code."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        """Lines on stderr."""
        return self.err.strip().splitlines()


Run = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that nobody used; it is short enough for sockets, and made by the command itself."""
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """Ours without settings of the person who runs the tests; ports come from the system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
    return {**kept, "CRYPTOBOT_HOME": str(home), "CRYPTOBOT__DASHBOARD__PORT": "0", "COLUMNS": "100"}


@pytest.fixture
def cryptobot(environment: dict[str, str]) -> Run:
    """Run one command to its end."""

    def run(*words: str, timeout_s: float = 60.0, stdin: str = "", **extra: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**environment, **extra},
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
