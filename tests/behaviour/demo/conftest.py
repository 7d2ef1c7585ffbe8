"""A demo of a test's own: a home, a process, and what can be asked of it."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

DEADLINE_S = 90.0


class Demo:
    """`cryptobot demo` as a child process. Its stderr is kept line by line as it comes."""

    def __init__(self, home: Path, environment: dict[str, str], *words: str) -> None:
        self.home, self._environment = home, environment
        self.lines: list[str] = []
        self._arrived: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cryptobot", "demo", "--no-browser", "--home", str(home), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self._out: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_errors, daemon=True),
            threading.Thread(target=self._read_output, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            self._arrived.put(line)
        self._arrived.put(None)

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        self._out.append(self.process.stdout.read())

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until a line with `text` was written so often."""
        deadline = time.monotonic() + DEADLINE_S
        while sum(text in line for line in self.lines) < times:
            left = deadline - time.monotonic()
            try:
                ended = self._arrived.get(timeout=max(0.0, left)) is None
            except queue.Empty:
                ended = True
            if ended and sum(text in line for line in self.lines) < times:
                raise AssertionError(f"{text!r} was not told {times} times:\n" + "\n".join(self.lines))

    def ask(self, *words: str) -> Any:
        """The JSON that another command prints about this demo."""
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", *words, "--json", "--home", str(self.home)],
            capture_output=True,
            text=True,
            timeout=60,
            env=self._environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def end(self, timeout_s: float = DEADLINE_S) -> tuple[int, str]:
        """Wait for the end; exit code and stdout."""
        code = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join(5)
        return code, "".join(self._out)

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that belongs to a home, by its command line or environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(home) in " ".join(process.cmdline()) or process.environ().get("CRYPTOBOT_HOME") == str(
                home
            ):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


@pytest.fixture
def environment() -> dict[str, str]:
    """Ours without settings of the person who runs the tests; the dashboard's port comes from the system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
    return {**kept, "CRYPTOBOT__DASHBOARD__PORT": "0"}


@pytest.fixture
def demo(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Demo]]:
    """Start demos; whatever a failed test leaves is killed."""
    started: list[Demo] = []

    def start(*words: str) -> Demo:
        started.append(Demo(tmp_path / "home", environment, *words))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
    for process in processes_of(tmp_path / "home"):
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.fixture
def left_over(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Command lines of the processes of the test's home that do not end by themselves."""

    def look(wait_s: float = 5.0) -> list[list[str]]:
        _, alive = psutil.wait_procs(processes_of(tmp_path / "home"), timeout=wait_s)
        return [process.cmdline() for process in alive]

    return look


@pytest.fixture
def detached(demo: Callable[..., Demo]) -> Demo:
    """A demo that runs in the background, all of it ready."""
    one = demo("-d", "--json")
    code, out = one.end()
    assert code == 0, "\n".join(one.lines)
    assert json.loads(out)["url"].startswith("https://")
    return one
