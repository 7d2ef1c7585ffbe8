"""Commands of this program that the API runs: as processes of their own, few at a time, with an end.

What the command line works out in its own process (the local history, databases, a replay of what was
traded) is thus worked out by the same code, and a mistake in it does not touch the dashboard. A job is kept
until fifty newer ones have ended, or until the dashboard ends; a process that still runs then is ended.
"""

import os
import secrets
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..configs.errors import CryptoBotError
from ..configs.frozen import program
from ..configs.paths import Home

AT_ONCE = 2
MAX_KEPT = 50
MAX_WAITING = 10
MAX_OUTPUT = 8_000_000
_TOLD_OF_ERROR = 2000
_GRACE_S = 5.0
# Words of the supervisor to the dashboard, not to its children.
_OWN_WORDS = ("NOTIFY_SOCKET", "CRYPTOBOT_NOTIFY", "WATCHDOG_USEC", "WATCHDOG_PID")


class TooManyJobsError(CryptoBotError):
    """More commands wait than will be done soon."""


@dataclass(slots=True)
class Job:
    """One run of a command. `exit_code` is None while it waits or runs; `lines`: one JSON value a line."""

    id: str
    user: str
    words: tuple[str, ...]
    limit_s: float
    lines: bool = False
    started_ms: int = 0
    ended_ms: int = 0
    exit_code: int | None = None
    output: Any = None
    error: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """Runs commands. Used by Flask's threads."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="command")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Job] = OrderedDict()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._closed = False

    def start(self, user: str, words: Sequence[str], limit_s: float, *, lines: bool = False) -> Job:
        """Run `cryptobot --home HOME WORDS` soon.

        Args:
            limit_s: after so long it is ended.
            lines: it prints one JSON value a line.

        Raises:
            TooManyJobsError: too many wait already.
        """
        job = Job(secrets.token_hex(8), user, tuple(words), limit_s, lines)
        with self._lock:
            if self._closed or sum(one.exit_code is None for one in self._kept.values()) >= MAX_WAITING:
                raise TooManyJobsError("Too many commands are being carried out; try again in a moment.")
            self._kept[job.id] = job
            self._forget_old()
        done: Future[None] = self._pool.submit(self._run, job)
        done.add_done_callback(lambda _: job.ended.set())
        return job

    def find(self, job_id: str, user: str) -> Job | None:
        """A job of this user."""
        with self._lock:
            job = self._kept.get(job_id)
        return job if job is not None and job.user == user else None

    def close(self) -> None:
        """End what runs, start nothing more."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
        for process in running:
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _forget_old(self) -> None:
        over = len(self._kept) - MAX_KEPT
        for job_id in [key for key, job in self._kept.items() if job.exit_code is not None][: max(0, over)]:
            del self._kept[job_id]

    def _run(self, job: Job) -> None:
        job.started_ms = time.time_ns() // 1_000_000
        words = [*program(), "--home", str(self._home.root), *job.words]
        surroundings = {name: value for name, value in os.environ.items() if name not in _OWN_WORDS}
        try:
            with self._lock:
                if self._closed:
                    return
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    env=surroundings, cwd=self._home.root,
                )  # fmt: skip
                self._running[job.id] = process
            out, problem = self._wait(process, job)
            job.output = _read(out, job)
            job.error = problem.decode("utf-8", "replace")[-_TOLD_OF_ERROR:].strip()
            job.exit_code = process.returncode
        except OSError as error:
            job.error, job.exit_code = f"The command could not be started: {error.strerror}.", 1
        finally:
            with self._lock:
                self._running.pop(job.id, None)
            job.exit_code = 1 if job.exit_code is None else job.exit_code
            job.ended_ms = time.time_ns() // 1_000_000

    def _wait(self, process: subprocess.Popen[bytes], job: Job) -> tuple[bytes, bytes]:
        try:
            return process.communicate(timeout=job.limit_s)
        except subprocess.TimeoutExpired:
            process.terminate()
        try:
            out, problem = process.communicate(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, problem = process.communicate()
        return out, problem + f"\nIt was ended after {job.limit_s:g} s.".encode()


def _read(out: bytes, job: Job) -> Any:
    """What the command printed: JSON where it is JSON, else text."""
    if len(out) > MAX_OUTPUT:
        job.error = "It printed more than the API passes on; use the command line."
        return None
    try:
        if job.lines:
            return [_line(line) for line in out.splitlines() if line.strip()]
        return msgspec.json.decode(out) if out.strip() else None
    except msgspec.DecodeError:
        return out.decode("utf-8", "replace")


def _line(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {"event": text.decode("utf-8", "replace")}
