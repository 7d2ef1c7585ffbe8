"""The compiled program, run where there is nothing else: no Python on the path, no variable of ours.

CRYPTOBOT_TEST_BINARY names the folder to test (the other variant and the single files are looked for beside
it). Else it is dist/cryptobot, which is built when it is not there.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 120.0
SOURCE = os.environ.get("CRYPTOBOT_TEST_PYTHON", sys.executable)
"""The Python whose installed CryptoBot is compared with: that of the same commit."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these want a built program."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.release)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder of the full variant."""
    named = os.environ.get("CRYPTOBOT_TEST_BINARY", "")
    found = Path(named) if named else ROOT / "dist" / "cryptobot"
    if not named and not (found / "cryptobot").is_file():
        subprocess.run(["make", "-C", str(ROOT), "binary"], check=True)
    if not (found / "cryptobot").is_file():
        pytest.skip(f"there is no compiled program in {found}")
    return found


@pytest.fixture(scope="session")
def minimal(folder: Path) -> Path:
    """The folder of the minimal variant."""
    found = folder.with_name("cryptobot-minimal")
    if not found.is_dir():
        pytest.skip(f"there is no {found}")
    return found


@pytest.fixture(scope="session")
def onefile(folder: Path) -> Path:
    """The one file of the full variant."""
    found = [path for path in folder.parent.glob("cryptobot-[0-9]*") if path.is_file()]
    if not found:
        pytest.skip(f"there is no single file in {folder.parent}")
    return found[0]


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """An environment with a home of its own, and not one program on the path."""
    for name in ("empty", "person"):
        (tmp_path / name).mkdir()
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path / "person")}


class Program:
    """A compiled program and a home."""

    def __init__(self, executable: Path, home: Path, environment: dict[str, str]) -> None:
        self.executable, self.home, self.environment = executable, home, environment

    def run(self, *words: str, timeout_s: float = DEADLINE_S) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            [str(self.executable), *words, "--home", str(self.home)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            env=self.environment,
            cwd="/",
            check=False,
        )

    def ask(self, *words: str) -> Any:
        """What a command prints as JSON."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stderr}\n{done.stdout[-2000:]}"
        return json.loads(done.stdout)

    def start(self, *words: str) -> "Running":
        """A command that goes on."""
        return Running(self, *words)

    def processes(self) -> list[psutil.Process]:
        """Every process of this home."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.home) in process.cmdline():
                    found.append(process)
        return found


class Running:
    """A command that goes on; its stderr is kept line by line."""

    def __init__(self, program: Program, *words: str) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._is_over = False
        self.process = subprocess.Popen(
            [str(program.executable), *words, "--home", str(program.home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=program.environment,
            cwd="/",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, text: str, *, after: int = 0) -> int:
        """Wait for a line with `text` behind the first `after` ones; how many lines there are then."""

        def told() -> bool:
            return self._is_over or any(text in line for line in self.lines[after:])

        with self._changed:
            self._changed.wait_for(told, DEADLINE_S)
            assert any(text in line for line in self.lines[after:]), f"no {text!r} in\n" + "\n".join(
                self.lines
            )
            return len(self.lines)

    def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        self._reader.join(10)
        return code


@pytest.fixture
def program(folder: Path, tmp_path: Path, nothing: dict[str, str]) -> Iterator[Program]:
    """The full variant with a home of its own; whatever a failed test leaves is killed."""
    made = Program(folder / "cryptobot", tmp_path / "home", nothing)
    yield made
    for process in made.processes():
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Any]:
    """What the source tree prints as JSON, for a home of its own."""

    def ask(*words: str) -> Any:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        done = subprocess.run(
            [SOURCE, "-m", "cryptobot", *words, "--json", "--home", str(tmp_path / "source")],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    """Ask again and again until it is so."""

    def wait(fact: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not fact():
            assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
            time.sleep(0.25)

    return wait
