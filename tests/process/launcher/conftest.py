"""A home with few services, and the two faces of the launcher on it."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs import edit
from cryptobot.configs.errors import NotRunningError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.supervisor.catalogue.registry import built_in
from cryptobot.supervisor.control.client import ControlClient

DEADLINE_S = 60.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Only the bus runs in it: what is started, stopped and shown is the same with one service."""
    for name in list(os.environ):
        if name.startswith("CRYPTOBOT_") and name != "CRYPTOBOT_TEST_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Home(tmp_path / "home")
    off = {one.name: "false" for one in built_in(Settings()) if one.name != "bus"}
    changes: dict[str, str | None] = {f"services.{name}.enabled": value for name, value in off.items()}
    edit.set_values(made, {**changes, "dashboard.port": "0"}, actor="test")
    yield made
    with contextlib.suppress(NotRunningError), ControlClient(made) as client:
        client.shutdown(timeout_s=DEADLINE_S)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Xvfb on a free number, for the whole session: Tk ends its process when the screen goes away."""
    if sys.platform != "linux" or shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (Debian: xvfb)")
    pytest.importorskip("_tkinter", reason="this Python has no tkinter (Debian: python3-tk)")
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x800x24", "-nolisten", "tcp"]
    process = subprocess.Popen(
        words, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writing)
    with os.fdopen(reading) as number:
        found = number.readline().strip()
    assert found, "Xvfb did not start"
    yield f":{found}"
    process.terminate()
    process.wait(30)


@pytest.fixture
def screen(display: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The screen, for this process and its children."""
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return display


_WINDOWS: list[Any] = []
"""Kept to the end: Tk must be forgotten by the thread that made it, and a collection may run on any."""


class Driver:
    """A window whose loop is turned by the test. A timer of its own ends each turn, so nothing spins."""

    def __init__(self, window: Any) -> None:
        self.window = window

    def until(self, what: str, found: Callable[[], bool]) -> None:
        """Turn the loop until something is so."""
        late: list[bool] = []
        timer = self.window.root.after(int(DEADLINE_S * 1000), lambda: late.append(True))
        while not found():
            assert not late, f"not within {DEADLINE_S:g} s: {what}; {self.window.message.cget('text')}"
            self.window.root.tk.dooneevent(0)
        self.window.root.after_cancel(timer)

    def settle(self) -> None:
        """Draw what is due."""
        self.window.root.update()


@pytest.fixture
def driver(home: Home, screen: str, tmp_path: Path) -> Iterator[Driver]:
    """The window on the home, on the screen of the test."""
    from cryptobot.supervisor.launcher.homes import Memory
    from cryptobot.supervisor.launcher.window import Window

    memory = Memory(tmp_path / "launcher.json")
    memory.choose_theme("light")
    made = Driver(Window(home, memory))
    _WINDOWS.append(made.window)
    yield made
    if not made.window._ended:
        made.window.end()
