"""The launcher of the compiled program: a window where there is a screen, a sentence where there is none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def display() -> Iterator[str]:
    """Xvfb on a free number."""
    if shutil.which("Xvfb") is None or shutil.which("xwininfo") is None:
        pytest.skip("Xvfb or xwininfo is not installed (Debian: xvfb x11-utils)")
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x800x24", "-nolisten", "tcp"]
    process = subprocess.Popen(words, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as number:
        found = number.readline().strip()
    assert found, "Xvfb did not start"
    yield f":{found}"
    process.terminate()
    process.wait(30)


def windows(display: str) -> str:
    """The tree of windows of a screen."""
    words = ["xwininfo", "-root", "-tree", "-display", display]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout


def test_a_window_opens_on_a_screen(program: Any, display: str, until: Any) -> None:
    """Tk and its scripts lie in the program; nothing is told on stderr."""
    program.environment |= {"DISPLAY": display}
    running = program.start("launcher")
    until(lambda: '"CryptoBot"' in windows(display), "the window is there")
    running.process.terminate()
    running.process.wait(30)
    assert running.lines == []


def test_without_a_screen_it_says_what_to_do(program: Any) -> None:
    """One sentence; the menu of text works."""
    done = program.run("launcher")
    assert done.returncode != 0
    assert "cryptobot launcher --text" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Stopped" in program.run("launcher", "--text").stdout
