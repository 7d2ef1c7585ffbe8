"""A job in a process of its own: `main` is what the service starts for each."""

import contextlib
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from ...configs.errors import CryptoBotError, SettingsError, UsageError
from ...configs.paths import Home
from . import jobs
from .archive import CANCELLED, FAILED, Archive
from .optimize import GOALS
from .run import Request
from .work import default_workers

_TELL_EVERY_S = 0.2
UNITS = {
    "run": "calls",
    "sweep": "runs",
    "optimize": "runs",
    "walk-forward": "steps",
    "monte-carlo": "histories",
    "trust": "parts",
}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in plain values (bus/contracts/backtest.py, StartBacktest)."""

    id: str
    kind: str
    strategy: str
    data: str
    parameters: dict[str, str]
    grid: list[str]
    rules: dict[str, str]
    options: dict[str, str]
    workers: int


def request_of(job: Job, home: Home) -> Request:
    """The request of a job.

    Raises:
        SettingsError, UsageError: a value that cannot be, or data that are not there.
    """
    known = {"from_ms", "to_ms", "symbol", "also", "trials", "goal", "seed", "train", "test", "runs"}
    if unknown := sorted(set(job.options) - known):
        raise UsageError(f"There is no option {unknown[0]!r}; there are {', '.join(sorted(known))}.")
    if job.kind not in UNITS:
        raise UsageError(f"There is no kind {job.kind!r}; there are {', '.join(UNITS)}.")
    if job.kind in ("sweep", "walk-forward") and not job.grid:
        raise UsageError(f"A {job.kind} needs values to try, such as fast=5:50:5.")
    return Request(
        job.strategy,
        data_path(job.data, home),
        dict(job.parameters),
        jobs.rules_of(job.rules),
        symbol=job.options.get("symbol", ""),
        from_ms=number(job, "from_ms", -1) if "from_ms" in job.options else None,
        to_ms=number(job, "to_ms", -1) if "to_ms" in job.options else None,
        folder=home.strategies,
        also=tuple(further(job.options.get("also", ""), home)),
    )


def further(text: str, home: Home) -> Iterator[str]:
    """Candles of further markets, from MARKET=SERIES;MARKET=SERIES, as MARKET=PATH.

    Raises:
        SettingsError, UsageError: it is written in another way, or there are no such candles.
    """
    for part in filter(None, (one.strip() for one in text.split(";"))):
        market, equals, data = part.partition("=")
        if not equals:
            raise UsageError(f"The option also is {part!r}; write ETH/USDT=paper/ETH-USDT/1h.")
        yield f"{market}={data_path(data, home)}"


def data_path(text: str, home: Home) -> Path:
    """A series of the local store, or a file.

    Raises:
        SettingsError: there is neither.
    """
    stored = home.state / "market" / text
    if text and ".." not in Path(text).parts and stored.is_dir():
        return stored
    path = Path(text).expanduser()
    if not text or not path.exists():
        raise SettingsError(f"There are no candles at {text!r}; give EXCHANGE/BTC-USDT/1h or a path.")
    return path


def number(job: Job, name: str, usual: int) -> int:
    """A whole number among the options.

    Raises:
        UsageError: it is none.
    """
    try:
        return int(job.options.get(name, usual))
    except ValueError:
        raise UsageError(f"The option {name} is {job.options[name]!r}; it must be a whole number.") from None


def main(pipe: Connection, root: str, job: Job) -> None:
    """Do the job; tell (done, all) through the pipe, and at the end ("state", reason)."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    home = Home(Path(root))
    teller = _Teller(pipe)
    try:
        request = request_of(job, home)
        with jobs.keeping(home, job.kind, request, texts=job.grid, run=job.id) as kept:
            _do(job, request, kept, home, teller)
        teller.end("done", "")
    except KeyboardInterrupt:
        teller.end(CANCELLED, "stopped by a person")
    except CryptoBotError as error:
        _mark(home, job.id, str(error))
        teller.end(FAILED, str(error))


def _do(job: Job, request: Request, kept: jobs.Kept, home: Home, teller: "_Teller") -> None:
    workers = job.workers or default_workers()
    if job.kind == "run":
        jobs.do_run(request, kept, teller.told)
    elif job.kind == "sweep":
        jobs.do_sweep(request, job.grid, kept, workers=workers, cluster="", told=teller.told)
    elif job.kind == "optimize":
        goal = job.options.get("goal", "sharpe")
        if goal not in GOALS:
            raise UsageError(f"There is no goal {goal!r}; there are {', '.join(GOALS)}.")
        jobs.do_optimize(
            request,
            job.grid,
            kept,
            home=home,
            trials=number(job, "trials", 100),
            goal=goal,
            storage="",
            study="",
            workers=workers,
            seed=number(job, "seed", 0),
            cluster="",
            told=teller.told,
        )
    elif job.kind == "walk-forward":
        train, test = number(job, "train", 5000), number(job, "test", 1000)
        jobs.do_walk(request, job.grid, kept, train=train, test=test, workers=workers, told=teller.told)
    elif job.kind == "monte-carlo":
        runs, seed = number(job, "runs", 2000), number(job, "seed", 1)
        jobs.do_monte_carlo(request, kept, runs=runs, seed=seed, told=teller.told)
    else:
        jobs.do_trust(request, kept, teller.told, home)


def _mark(home: Home, run: str, reason: str) -> None:
    with Archive(home) as archive:
        archive.end(run, FAILED, reason)


def _stop(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


class _Teller:
    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._next_s = pipe, 0.0

    def told(self, done: int, all_: int) -> None:
        """So many are done; told a few times a second."""
        now_s = time.monotonic()
        if now_s >= self._next_s or done == all_:
            self._next_s = now_s + _TELL_EVERY_S
            self._send((done, all_))

    def end(self, state: str, reason: str) -> None:
        """The last word."""
        self._send((state, reason))
        self._pipe.close()

    def _send(self, word: tuple[Any, Any]) -> None:
        with contextlib.suppress(OSError):  # the service died: it marks what it left when it is back
            self._pipe.send_bytes(msgspec.json.encode(word))
