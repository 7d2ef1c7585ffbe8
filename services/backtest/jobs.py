"""What the command line and the service both do: a piece of work from its request to the database."""

import hashlib
import inspect
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ...configs import trust as verdict
from ...configs.errors import CryptoBotError, SettingsError, UsageError
from ...configs.paths import Home
from ..strategy.base import Strategy
from .archive import CANCELLED, FAILED, Archive
from .archive import Kept as KeptRun
from .engine import Told
from .monte_carlo import MonteCarlo, monte_carlo, trade_returns
from .optimize import Search, axes, optimize, storage_in
from .options import told as told_request
from .run import Request, Result, load, read_range, read_surroundings, run
from .sweep import sweep
from .trust import Trust, trust
from .walk_forward import WalkForward, walk_forward
from .work import Counted, Row, Work
from .world import Rules

_PATHS = ("data", "inner", "trades", "funding")
KINDS = ("run", "sweep", "optimize", "walk-forward", "monte-carlo", "trust")


class Kept:
    """Where a piece of work is kept. Without an archive nothing is, and `id` is ""."""

    def __init__(self, archive: Archive | None, run: str) -> None:
        self.archive, self.id = archive, run

    def known(self) -> dict[int, Row]:
        """Trials of an earlier try."""
        return {} if self.archive is None else self.archive.trials(self.id)

    def keep(self, rows: list[tuple[int, Row]]) -> None:
        """Trials that were made."""
        if self.archive is not None:
            self.archive.keep_trials(self.id, rows)

    def finish(self, summary: dict[str, Any], **more: Any) -> None:
        """It is done."""
        if self.archive is not None:
            self.archive.finish(self.id, summary, **more)


@contextmanager
def keeping(
    home: Home | None,
    kind: str,
    request: Request,
    *,
    texts: Sequence[str] = (),
    actor: str = "",
    run: str = "",
) -> Iterator[Kept]:
    """Keep what is done inside; broken off, it is marked so and can be gone on with.

    Args:
        home: None keeps nothing.
        run: id of a row that was made before.
    """
    if home is None:
        yield Kept(None, "")
        return
    with Archive(home) as archive:
        wish = {**told_request(request), "param": list(texts)}
        task = task_of(kind, request, texts) if kind == "sweep" else ""
        kept = Kept(archive, run or archive.begin(kind, request.strategy, wish, task=task, actor=actor))
        try:
            yield kept
        except KeyboardInterrupt:
            archive.end(kept.id, CANCELLED, "stopped by a person")
            raise
        except CryptoBotError as error:
            archive.end(kept.id, FAILED, str(error))
            raise


def task_of(kind: str, request: Request, texts: Sequence[str]) -> str:
    """The same for the same work over the same data with the same code."""
    digest = hashlib.sha256(json.dumps([kind, told_request(request), list(texts)], sort_keys=True).encode())
    for path in (request.data, request.inner, request.trades, *request.book):
        if path is not None and Path(path).is_file():
            stat = Path(path).stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    digest.update(code_hash(load(request.strategy, request.folder)).encode())
    return digest.hexdigest()


def code_hash(owner: type[Strategy]) -> str:
    """SHA-256 of a strategy's file."""
    return hashlib.sha256(Path(inspect.getfile(owner)).read_bytes()).hexdigest()


def do_run(request: Request, kept: Kept, told: Told | None = None) -> Result:
    """One run."""
    result = run(request, told)
    if kept.archive is not None:
        kept.archive.keep_result(kept.id, result)
    return result


def do_sweep(
    request: Request, texts: Sequence[str], kept: Kept, *, workers: int, cluster: str, told: Counted
) -> list[Row]:
    """A grid."""
    rows = sweep(request, texts, workers, told, kept, cluster)
    best = rows[0]
    kept.finish(
        {
            "runs": len(rows),
            "parameters": best.parameters,
            "final_equity": best.final_equity,
            "metrics": best.metrics,
        }
    )
    return rows


def do_optimize(
    request: Request,
    texts: Sequence[str],
    kept: Kept,
    *,
    home: Home,
    trials: int,
    goal: str,
    storage: str,
    study: str,
    workers: int,
    seed: int,
    cluster: str,
    told: Counted,
) -> Search:
    """A search with Optuna."""
    owner = load(request.strategy, request.folder)
    work = Work(request, owner, read_range(request), read_surroundings(request))
    name = study or f"{request.strategy}-{goal}-{task_of('optimize', request, texts)[:12]}"
    place = storage or storage_in(home.state / "backtest")
    found = optimize(
        work,
        axes(owner, texts),
        trials=trials,
        goal=goal,
        storage=place,
        study=name,
        workers=workers,
        seed=seed,
        cluster=cluster,
        told=told,
    )
    kept.keep(list(enumerate(found.rows)))
    best = found.best
    kept.finish(
        {
            "runs": len(found.rows),
            "study": found.study,
            "goal": goal,
            "parameters": best.parameters,
            "final_equity": best.final_equity,
            "metrics": best.metrics,
        }
    )
    return found


def do_walk(
    request: Request, texts: Sequence[str], kept: Kept, *, train: int, test: int, workers: int, told: Counted
) -> WalkForward:
    """A walk-forward."""
    found = walk_forward(request, texts, train, test, workers, told)
    metrics = {"total_return": found.earned}
    kept.finish({"metrics": metrics, "steps": found.steps, "learnt": found.learnt})
    return found


def do_monte_carlo(request: Request, kept: Kept, *, runs: int, seed: int, told: Counted) -> MonteCarlo:
    """A run and its Monte Carlo."""
    result = run(request)
    found = monte_carlo(trade_returns(result), runs, seed, told)
    kept.finish(
        {"metrics": result.metrics, "final_equity": result.final_equity, "monte_carlo": found},
        symbol=result.symbol,
        timeframe=result.series.timeframe,
        run_hash=result.run_hash,
    )
    return found


def do_trust(request: Request, kept: Kept, told: Counted, home: Home) -> Trust:
    """A trust score; the newest of each strategy and market decides whether it may go live."""
    owner = load(request.strategy, request.folder)
    series = read_range(request)
    tried = 0 if kept.archive is None else tries(kept.archive, request.strategy)
    found = trust(request, owner, series, tried, told)
    symbol = request.symbol or series.symbol or "BTC/USDT"
    now_ms = time.time_ns() // 1_000_000
    told_reasons = [
        f"{one.name}: {one.detail}" for one in found.reasons if one.points < one.weight or one.fatal
    ]
    if kept.archive is not None:
        verdict.write(
            home,
            verdict.Verdict(
                strategy=request.strategy,
                symbol=symbol,
                colour=found.colour,
                score=found.score,
                made_ms=now_ms,
                reasons=told_reasons,
            ),
        )
        kept.archive.keep_trust(
            {
                "strategy": request.strategy,
                "symbol": symbol,
                "timeframe": series.timeframe,
                "code_hash": code_hash(owner),
                "colour": found.colour,
                "score": found.score,
                "made_ms": now_ms,
                "reasons": json.dumps(told_reasons),
            }
        )
    kept.finish(
        {"trust": {"score": found.score, "colour": found.colour, "reasons": found.reasons}},
        symbol=symbol,
        timeframe=series.timeframe,
    )
    return found


def tries(archive: Archive, strategy: str) -> int:
    """How many parameter sets of a strategy were tried here."""
    kept = archive.runs(1000, strategy=strategy)
    return sum(int(run.summary.get("runs", 1)) for run in kept)


def request_again(home: Home, kept: KeptRun) -> Request:
    """The request of a kept run.

    Raises:
        UsageError: it is no single run, or its data are gone.
    """
    wish = kept.request
    if kept.kind == "optimize" or wish.get("param") or "strategy" not in wish:
        raise UsageError(f"{kept.id} is a {kept.kind}; make a report of a single run.")
    paths: dict[str, Any] = {name: Path(wish[name]) for name in _PATHS if name in wish}
    for path in paths.values():
        if not path.exists():
            raise UsageError(f"The data of {kept.id} are gone: {path}")
    plain = {name: wish[name] for name in ("from_ms", "to_ms", "symbol", "timeframe") if name in wish}
    return Request(
        wish["strategy"],
        paths.pop("data", None),
        wish["parameters"],
        rules_of(wish.get("rules", {})),
        folder=home.strategies,
        also=tuple(wish.get("also", ())),
        book=tuple(Path(path) for path in wish.get("book", ())),
        **paths,
        **plain,
    )


def rules_of(values: Mapping[str, Any]) -> Rules:
    """Rules from plain values; what is not given is as usual.

    Raises:
        SettingsError: a name or a number that cannot be.
    """
    usual = Rules()
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in Rules.__slots__:
            raise SettingsError(f"There is no rule {name!r}; there are {', '.join(Rules.__slots__)}.")
        kind = type(getattr(usual, name))
        try:
            made[name] = value if kind in (bool, int) and isinstance(value, int) else _rule(kind, value)
        except (InvalidOperation, ValueError):
            raise SettingsError(f"The rule {name} is {value!r}; it must be a number.") from None
    return Rules(**made)


def _rule(kind: type, value: Any) -> Any:
    if kind is bool:
        return str(value).lower() in ("true", "yes", "1")
    if kind is int:
        return int(value)
    number = Decimal(str(value))
    if not number.is_finite() or number < 0:
        raise ValueError
    return number
