"""`cryptobot top` against a daemon that runs the bus alone."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX terminals")

OTHERS = ("auth", "paper", "data", "trade", "strategy", "dashboard", "monitor")
BUS_ALONE = [word for name in OTHERS for word in ("--set", f"services.{name}.enabled=false")]


@pytest.fixture
def running(cryptobot: Callable[..., Any]) -> Iterator[None]:
    """A daemon with the bus."""
    ran = cryptobot("up", "-d", *BUS_ALONE)
    assert ran.code == 0, ran.err
    yield
    cryptobot("down")


def test_without_a_daemon_top_says_so(cryptobot: Callable[..., Any]) -> None:
    """Exit code 3, one sentence."""
    ran = cryptobot("top", "--once")

    assert (ran.code, ran.out) == (3, "")
    assert "does not run" in ran.err


@pytest.mark.usefixtures("running")
def test_once_is_for_people_and_for_programs(cryptobot: Callable[..., Any]) -> None:
    """Plain text in a pipe, or one JSON object."""
    plain, found = cryptobot("top", "--once"), json.loads(cryptobot("top", "--once", "--json").out)

    assert plain.code == 0
    assert "\x1b" not in plain.out
    assert plain.out.splitlines()[1].split() == [
        "SERVICE", "STATE", "PID", "UP", "RESTARTS", "CPU", "MEMORY", "HEALTH",
    ]  # fmt: skip
    assert found.keys() == {"supervisor", "services", "alerts", "warnings"}
    assert [one["name"] for one in found["services"] if one["state"] == "RUNNING"] == ["bus"]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("ending", [b"q", b"\x03"])
def test_a_key_ends_it_and_the_terminal_is_whole(environment: dict[str, str], ending: bytes) -> None:
    """q and Ctrl-C leave with 0, the modes of the terminal as before and the screen switched back."""
    import pty
    import termios

    master, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_TERMINAL, sys.executable, "-m", "cryptobot", "top"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "TERM": "xterm"},
        start_new_session=True,
    )
    try:
        seen = b""
        while b"q ends" not in seen:
            seen += os.read(master, 65_536)
        os.write(master, ending)
        while b"\x1b[?1049l" not in seen:
            seen += os.read(master, 65_536)
        assert process.wait(30) == 0
        assert termios.tcgetattr(terminal) == before
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(terminal)


class Screen:
    """What a person sees in a terminal of 30 lines of 110 columns."""

    def __init__(self, master: int) -> None:
        pyte = pytest.importorskip("pyte")
        self._master = master
        self._screen = pyte.Screen(110, 30)
        self._stream = pyte.ByteStream(self._screen)

    def until(self, *texts: str) -> str:
        """Read until all of it is on the screen at once."""
        deadline = time.monotonic() + 45
        while not all(text in (seen := "\n".join(self._screen.display)) for text in texts):
            assert time.monotonic() < deadline, f"{texts} did not appear:\n{seen}"
            if select.select([self._master], [], [], 1.0)[0]:
                self._stream.feed(os.read(self._master, 65_536))
        return seen

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)


@pytest.mark.usefixtures("running")
def test_keys_choose_show_and_restart(environment: dict[str, str], cryptobot: Callable[..., Any]) -> None:
    """Rates come from the bus; the log of the chosen one; a restart asks first and is carried out."""
    import fcntl
    import pty
    import struct
    import termios

    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "cryptobot", "top"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "TERM": "xterm"},
        start_new_session=True,
    )
    try:
        screen = Screen(master)
        screen.until("messages/s", "RUNNING", "Alerts", "q ends")
        before = _pid_of(cryptobot, "bus")
        screen.press(b"l")
        screen.until("Log of bus", "l services")
        screen.press(b"\x1b[B")
        screen.until("Log of auth")
        screen.press(b"\x1b[A")
        screen.until("Log of bus")
        screen.press(b"l")
        screen.until("Alerts", "q ends")
        screen.press(b"r")
        screen.until("Restart bus? y is yes")
        screen.press(b"n")
        screen.until("bus was left as it is.")
        screen.press(b"r")
        screen.until("Restart bus?")
        screen.press(b"y")
        screen.until("restart bus: under way.")
        while _pid_of(cryptobot, "bus") in {0, before}:
            pass
        screen.press(b"q")
        assert process.wait(45) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(terminal)


def _pid_of(cryptobot: Callable[..., Any], name: str) -> int:
    status = json.loads(cryptobot("status", "--json").out)
    return next(int(one["pid"]) for one in status["services"] if one["name"] == name)


# The terminal becomes the one that Ctrl-C comes from.
_IN_TERMINAL = (
    "import fcntl, os, sys, termios; "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
