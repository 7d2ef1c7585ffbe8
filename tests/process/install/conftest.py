"""Running `cryptobot` as people do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that nobody used."""
    return tmp_path / "home"


@pytest.fixture
def cryptobot(home: Path, tmp_path: Path) -> Run:
    """Run one command to its end; the person's own folders are below tmp_path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
    own = {"HOME": str(tmp_path / "person"), "XDG_DATA_HOME": str(tmp_path / "person" / "share")}
    environment = {**kept, **own, "CRYPTOBOT_HOME": str(home), "CRYPTOBOT__DASHBOARD__PORT": "0"}
    environment.pop("XDG_CONFIG_HOME", None)

    def run(*words: str, stdin: str = "", **extra: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cryptobot", *words],
            input=stdin, capture_output=True, text=True, timeout=90, check=False,
            env={**environment, **extra},
        )  # fmt: skip

    return run
