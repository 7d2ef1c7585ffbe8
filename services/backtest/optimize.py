"""Searching parameters with Optuna, an extra: pip install cryptobot[optimizer].

Optuna proposes, the crew of a sweep runs. Its study lives in SQLite in the home, or in a database that many
machines share (`--storage postgresql+psycopg://...`); a search that was broken off is gone on with.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...configs.errors import SettingsError, UsageError
from ..strategy.base import Strategy
from .crew import Crew, crew_for
from .sweep import run_all
from .work import Counted, Row, Work, nobody

GOALS = ("sharpe", "sortino", "calmar", "total_return", "profit_factor", "final_equity")
_WORST = -1e9
_BATCH = 4


@dataclass(frozen=True, slots=True)
class Axis:
    """What one parameter may be: `choices`, or low to high in steps (0 is no step)."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found: the best row, all rows in the order of the trials, and the study's name."""

    best: Row
    rows: list[Row]
    study: str
    values: list[float]


def axes(owner: type[Strategy], texts: Sequence[str]) -> list[Axis]:
    """Axes from `fast=5:50`, `fast=5:50:5` and `slow=50,100`; of every parameter with a range when there
    are no texts.

    Raises:
        UsageError: a text is written in another way, or nothing has a range.
    """
    declared = owner.parameters()
    if not texts:
        found = [_declared(name, one) for name, one in declared.items() if name != "fraction"]
        usable = [axis for axis in found if axis is not None]
        if not usable:
            raise UsageError(f"{owner.__name__} declares no ranges; give --param NAME=LOW:HIGH.")
        return usable
    made = []
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals:
            raise UsageError(f"--param {text} must be NAME=LOW:HIGH[:STEP] or NAME=A,B,C.")
        owner({name: declared[name].default if name in declared else values})
        made.append(_axis(text, name, declared[name], values))
    return made


def _declared(name: str, parameter: Any) -> Axis | None:
    if parameter.choices:
        return Axis(name, parameter.kind, choices=tuple(parameter.choices))
    if parameter.kind == "bool":
        return Axis(name, "bool", choices=(False, True))
    if parameter.kind == "str" or parameter.low is None or parameter.high is None:
        return None
    return Axis(name, parameter.kind, float(parameter.low), float(parameter.high), float(parameter.step))


def _axis(text: str, name: str, parameter: Any, values: str) -> Axis:
    if ":" not in values:
        return Axis(name, parameter.kind, choices=tuple(parameter.parse(one) for one in values.split(",")))
    parts = values.split(":")
    if len(parts) not in (2, 3):
        raise UsageError(f"--param {text} must be NAME=LOW:HIGH[:STEP] or NAME=A,B,C.")
    low, high = (float(parameter.parse(part)) for part in parts[:2])
    try:
        step = float(parts[2]) if len(parts) == 3 else float(parameter.step)
    except ValueError:
        raise UsageError(f"--param {text}: {parts[2]!r} is no step.") from None
    if high < low or step < 0:
        raise UsageError(f"--param {text} leads nowhere; LOW must not be above HIGH, nor STEP below 0.")
    return Axis(name, parameter.kind, low, high, step)


def optimize(
    work: Work,
    space: Sequence[Axis],
    *,
    trials: int,
    goal: str,
    storage: str,
    study: str,
    workers: int,
    seed: int = 0,
    cluster: str = "",
    told: Counted = nobody,
) -> Search:
    """Search until the study has `trials` finished trials, those of earlier searches included.

    Args:
        storage: Optuna's URL.
        study: its name; the same name goes on with the same search.
        seed: of the sampler.

    Raises:
        UsageError: Optuna, or the driver of the storage, is not installed.
        SettingsError: the storage cannot be used.
    """
    optuna = _optuna()
    found = _open(optuna, storage, study, seed)
    rows: dict[int, Row] = {}
    with crew_for(work, workers, max(2, trials), cluster) as crew:
        while (done := len(_finished(optuna, found))) < trials:
            told(done, trials)
            _batch(found, crew, work, space, goal, min(max(_BATCH, 2 * crew.workers), trials - done), rows)
        told(trials, trials)
    finished = _finished(optuna, found)
    best = max(finished, key=lambda trial: (trial.value, -trial.number))
    made = [rows.get(trial.number) or _remembered(trial) for trial in finished]
    values = [float(trial.value) for trial in finished]
    return Search(rows.get(best.number) or _remembered(best), made, study, values)


def _batch(
    study: Any,
    crew: Crew,
    work: Work,
    space: Sequence[Axis],
    goal: str,
    count: int,
    rows: dict[int, Row],
) -> None:
    """Ask for some trials, run them together, tell what came out."""
    asked = [study.ask() for _ in range(count)]
    fixed = work.request.parameters
    made = run_all(crew, [{**fixed, **{axis.name: _suggest(one, axis) for axis in space}} for one in asked])
    for trial, row in zip(asked, made, strict=True):
        trial.set_user_attr("final_equity", str(row.final_equity))
        trial.set_user_attr("metrics", row.metrics)
        trial.set_user_attr("parameters", row.parameters)
        study.tell(trial, value_of(row, goal))
        rows[trial.number] = row


def value_of(row: Row, goal: str) -> float:
    """The figure that is searched for; a run without it is the worst."""
    if goal == "final_equity":
        return float(row.final_equity)
    value = row.metrics.get(goal)
    return _WORST if value is None else float(value)


def _suggest(trial: Any, axis: Axis) -> Any:
    if axis.choices:
        return trial.suggest_categorical(axis.name, list(axis.choices))
    if axis.kind == "int":
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high), step=max(1, int(axis.step)))
    return trial.suggest_float(axis.name, axis.low, axis.high, step=axis.step or None)


def _finished(optuna: Any, study: Any) -> list[Any]:
    complete = optuna.trial.TrialState.COMPLETE
    trials: list[Any] = study.get_trials(deepcopy=False, states=(complete,))
    return trials


def _remembered(trial: Any) -> Row:
    """The row of a trial that an earlier search, or another machine, made."""
    kept: Mapping[str, Any] = trial.user_attrs
    return Row(dict(kept["parameters"]), Decimal(kept["final_equity"]), dict(kept["metrics"]))


def _open(optuna: Any, storage: str, study: str, seed: int) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        kept = optuna.storages.RDBStorage(storage)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return optuna.create_study(
            storage=kept, study_name=study, sampler=sampler, direction="maximize", load_if_exists=True
        )
    except ImportError as error:
        raise UsageError(f"{storage.partition(':')[0]} needs a driver: {error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("sqlalchemy", "optuna"):
            raise
        raise SettingsError(f"--storage {storage} cannot be used: {str(error).splitlines()[0]}") from error


def _optuna() -> Any:
    try:
        return importlib.import_module("optuna")
    except ImportError:
        raise UsageError("`backtest optimize` needs Optuna: pip install cryptobot[optimizer]") from None


def storage_in(folder: Path) -> str:
    """SQLite in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(folder / 'optuna.sqlite').as_posix()}"
