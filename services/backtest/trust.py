"""How far a backtest may be trusted: one score from 0 to 100 with its reasons, and a colour.

Red is what nobody should trade: a look into the future, results that differ from run to run, or a score
below 40. `cryptobot backtest trust` shows it, and a red strategy does not go live (docs/backtest.md).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..accounting.series import daily_returns
from ..data.files import Series
from ..strategy.base import Strategy
from ..strategy.graph import Plan, pick
from .check import check
from .monte_carlo import monte_carlo, trade_returns
from .result import Result
from .run import Request, run_series
from .sweep import sweep_series

GREEN, YELLOW, RED = "green", "yellow", "red"
_RED_BELOW, _GREEN_FROM = 40, 70
_CUTS = (0.3, 0.45, 0.6, 0.75, 0.9)
_EULER = 0.5772156649015329
_MONTE_CARLO = 1000
_FOLDS = 4
_NUDGES = (0.8, 0.9, 1.1, 1.25)
_YEAR_DAYS = 365.0
_FATAL = frozenset({"runs", "no look-ahead", "no repainting", "deterministic", "same live"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was looked at.

    Args:
        points: of `weight`; `fatal` makes the whole red whatever the score.
        detail: one sentence with the figures seen.
    """

    name: str
    points: float
    weight: float
    detail: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """The score of a strategy over some candles."""

    score: int
    colour: str
    reasons: list[Reason]
    figures: dict[str, Any]


Told = Callable[[int, int], None]


def trust(request: Request, owner: type[Strategy], series: Series, trials: int, told: Told) -> Trust:
    """Look at everything.

    Args:
        trials: how many parameter sets were tried before, as far as is known; for the deflated Sharpe ratio.
        told: called with (parts done, parts in all).
    """
    judge = _Judge(request, owner, series, trials)
    parts: tuple[Callable[[], Iterator[Reason]], ...] = (
        judge.soundness,
        judge.prefixes,
        judge.sample,
        judge.costs,
        judge.neighbours,
        judge.later,
        judge.luck,
        judge.deflated,
    )
    reasons: list[Reason] = []
    for number, part in enumerate(parts):
        told(number, len(parts))
        reasons.extend(part())
    told(len(parts), len(parts))
    return _verdict(reasons, judge.figures)


def _verdict(reasons: list[Reason], figures: dict[str, Any]) -> Trust:
    weight = sum(reason.weight for reason in reasons)
    # Points may be numbers of NumPy, which the archive's JSON does not know.
    reasons = [replace(reason, points=float(reason.points)) for reason in reasons]
    score = round(100 * sum(reason.points for reason in reasons) / weight) if weight else 0
    fatal = any(reason.fatal for reason in reasons)
    colour = RED if fatal or score < _RED_BELOW else GREEN if score >= _GREEN_FROM else YELLOW
    return Trust(score, colour, reasons, figures)


class _Judge:
    """Runs the strategy in every way that says something about the trust in one run."""

    def __init__(self, request: Request, owner: type[Strategy], series: Series, trials: int) -> None:
        self._request, self._owner, self._series, self._trials = request, owner, series, trials
        self._values = dict(request.parameters)
        self._base = self._run(self._values)
        self._sharpes: list[float] = []
        self.figures: dict[str, Any] = {"trials_before": trials}

    def _run(self, values: Mapping[str, object], series: Series | None = None, **rules: Any) -> Result:
        chosen = replace(self._request.rules, **rules) if rules else self._request.rules
        return run_series(self._owner, values, series or self._series, chosen, self._request.symbol)

    def soundness(self) -> Iterator[Reason]:
        """The checks of `strategy check`."""
        for finding in check(self._owner, self._values, self._series):
            fatal = not finding.ok and finding.check in (
                "runs",
                "no look-ahead",
                "deterministic",
                "same live",
            )
            weight = 0.0 if finding.check in ("speed", "trades") else 2.0
            yield Reason(finding.check, weight if finding.ok else 0.0, weight, finding.detail, fatal)

    def prefixes(self) -> Iterator[Reason]:
        """Neither lines nor orders change when what comes later is cut off."""
        size = len(self._series.columns)
        made = self._base.outcome.executions
        places = {int(size * share) for share in _CUTS} | {
            one.index for one in made[:: max(1, len(made) // 5)]
        }
        plan = Plan(self._owner, self._base.strategy._parameters, self._series.timeframe, self._base.symbol)
        for place in sorted(place for place in places if place > self._base.outcome.first + 2):
            head = replace(self._series, columns=self._series.columns.first(place))
            if self._run(self._values, head).outcome.executions != [one for one in made if one.index < place]:
                yield Reason(
                    "prefix invariance", 0, 10, f"cut at candle {place}, it acts otherwise before", True
                )
                return
            if not plan.feeds and (name := _line_that_differs(plan, self._series, place)):
                yield Reason(
                    "prefix invariance", 0, 10, f"{name} changes when later candles are cut off", True
                )
                return
        yield Reason("prefix invariance", 10, 10, f"{len(places)} cuts change nothing before them")

    def sample(self) -> Iterator[Reason]:
        """Are there trades and days enough to say anything?"""
        trades = len(self._base.outcome.books.trips)
        days = (self._series.columns.open_ms[-1] - self._series.columns.open_ms[0]) / 86_400_000
        share = min(1.0, trades / 100) * 0.6 + min(1.0, days / 365) * 0.4
        yield Reason("sample", 6 * share, 6, f"{trades} closed trades in {days:.0f} days")

    def costs(self) -> Iterator[Reason]:
        """Does it live with higher fees and slippage?"""
        rules = self._request.rules
        table = {}
        for times in (0, 1, 2, 3):
            returned = self._run(self._values, fee=rules.fee * times, maker_fee=None).metrics["total_return"]
            table[f"fee x{times}"] = returned
        for slip in ("0.0005", "0.001"):
            more = self._run(self._values, slippage=rules.slippage + Decimal(slip)).metrics["total_return"]
            table[f"slippage +{slip}"] = more
        self.figures["costs"] = table
        kept = [name for name, value in table.items() if name != "fee x0" and value is not None and value > 0]
        told = ", ".join(f"{name} {value or 0:+.1%}" for name, value in table.items())
        yield Reason("costs", 20 * len(kept) / (len(table) - 1), 20, told)

    def neighbours(self) -> Iterator[Reason]:
        """Are parameters a little beside these as good?"""
        combinations = list(_beside(self._owner, self._base.strategy._parameters))
        if not combinations:
            yield Reason("neighbourhood", 7, 15, "no number among its parameters")
            return
        rows = sweep_series(self._request, self._owner, self._series, combinations, 1)
        ours = self._base.metrics["sharpe"]
        found = [float(row.metrics["sharpe"]) for row in rows if row.metrics["sharpe"] is not None]
        self._sharpes = found
        near = [value for value in found if ours is not None and ours > 0 and value >= 0.5 * ours]
        share = len(near) / len(rows)
        self.figures["neighbours"] = [
            {"parameters": row.parameters, "sharpe": row.metrics["sharpe"]} for row in rows
        ]
        told = f"{len(near)} of {len(rows)} neighbours have at least half of its Sharpe ratio ({_told(ours)})"
        yield Reason("neighbourhood", 15 * share, 15, told)

    def later(self) -> Iterator[Reason]:
        """Walk-forward: parameters chosen on one stretch, traded on the next."""
        combinations = [
            dict(self._base.strategy._parameters),
            *_beside(self._owner, self._base.strategy._parameters),
        ]
        names = self._owner.parameters()
        combinations = [{name: one[name] for name in names} for one in combinations]
        warmup = max(self._request.rules.warmup, self._base.outcome.first)
        length = (len(self._series.columns) - warmup) // (_FOLDS + 1)
        if length < 200:
            yield Reason("walk-forward", 0, 20, "too few candles to choose on one part and trade on the next")
            return
        learnt, earned = [], []
        for fold in range(_FOLDS):
            start = fold * length
            past = replace(self._series, columns=self._series.columns.part(start, start + warmup + length))
            best = sweep_series(self._request, self._owner, past, combinations, 1)[0]
            next_ = self._series.columns.part(start + length, start + warmup + 2 * length)
            result = self._run(best.parameters, replace(self._series, columns=next_))
            learnt.append(float(best.metrics["total_return"] or 0))
            earned.append(float(result.metrics["total_return"] or 0))
        self.figures["walk_forward"] = {"learnt": learnt, "earned": earned}
        won = sum(value > 0 for value in earned) / _FOLDS
        total = float(np.prod([1 + value for value in earned]) - 1)
        points = 20 * (0.5 * won + 0.5 * (total > 0))
        yield Reason("walk-forward", points, 20, f"{total:+.1%} on what followed, {won:.0%} of the steps won")

    def luck(self) -> Iterator[Reason]:
        """Monte Carlo of the order of the trades."""
        returns = trade_returns(self._base)
        if len(returns) < 10:
            yield Reason("monte carlo", 0, 10, f"{len(returns)} trades are too few to shuffle")
            return
        made = monte_carlo(returns, _MONTE_CARLO, 7)
        self.figures["monte_carlo"] = {"losing": made.losing, **made.total_return}
        worst = made.drawdown["p5"]
        told = f"{made.losing:.0%} of {made.runs} redrawn histories lose; worst drawdowns to {worst:.0%}"
        yield Reason("monte carlo", 10 * max(0.0, 1 - 2 * made.losing), 10, told)

    def deflated(self) -> Iterator[Reason]:
        """The deflated Sharpe ratio: how likely the true one is above 0, given how many were tried."""
        first = self._base.outcome.first
        times, equity = self._series.columns.open_ms[first:], self._base.equity[first:]
        returns = daily_returns(times, equity)
        trials = max(1, self._trials + len(self._sharpes) + 1)
        tried = [value / _YEAR_DAYS**0.5 for value in self._sharpes]
        value = deflated_sharpe(returns, trials, tried)
        self.figures["deflated_sharpe"] = value
        if value is None:
            yield Reason("deflated Sharpe", 0, 15, "too few days, or nothing earned or lost")
            return
        told = f"{value:.0%} likely above what the best of {trials} tries without skill would show"
        yield Reason("deflated Sharpe", 15 * min(1.0, value / 0.95), 15, told)


def deflated_sharpe(returns: NDArray[np.float64], trials: int, sharpes: Sequence[float]) -> float | None:
    """Probability that the true Sharpe ratio is above the best that `trials` tries without skill would show.

    D. H. Bailey, M. López de Prado: The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
    Overfitting and Non-Normality. Journal of Portfolio Management 40 (5), 2014, pages 94-107.

    Args:
        returns: by day.
        trials: how many were tried, this one included.
        sharpes: those of other tries, by day; their variance is that of the tries. Without two of them the
            variance of an estimate under no skill, 1 / (days - 1), is taken.

    Returns:
        None with fewer than ten days, or when nothing ever changed.
    """
    size = len(returns)
    spread = float(np.std(returns, ddof=1)) if size >= 10 else 0.0
    if not spread:
        return None
    apart = returns - returns.mean()
    sharpe = float(returns.mean()) / spread
    scale = float(np.std(returns))
    skew, kurtosis = float(np.mean(apart**3)) / scale**3, float(np.mean(apart**4)) / scale**4
    variance = float(np.var(sharpes, ddof=1)) if len(sharpes) >= 2 else 1.0 / (size - 1)
    normal = NormalDist()
    expected = 0.0
    if trials > 1:
        far, farther = normal.inv_cdf(1 - 1 / trials), normal.inv_cdf(1 - 1 / (trials * np.e))
        expected = variance**0.5 * ((1 - _EULER) * far + _EULER * farther)
    error = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return normal.cdf((sharpe - expected) * (size - 1) ** 0.5 / max(error, 1e-12) ** 0.5)


def _beside(owner: type[Strategy], values: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """Each number a little smaller and larger, one at a time, and the first two together."""
    declared = owner.parameters()
    moved: dict[str, list[Any]] = {}
    for name, parameter in declared.items():
        if name == "fraction" or parameter.kind not in ("int", "float"):
            continue
        found = []
        for nudge in _NUDGES:
            value = values[name] * nudge
            value = max(1, round(value)) if parameter.kind == "int" else value
            low, high = parameter.low, parameter.high
            if value != values[name] and (low is None or value >= low) and (high is None or value <= high):
                found.append(value)
        moved[name] = list(dict.fromkeys(found))
    for name, choices in moved.items():
        for value in choices:
            yield {**values, name: value}
    pair = [name for name, choices in moved.items() if choices][:2]
    if len(pair) == 2:
        for one, other in itertools.product(moved[pair[0]], moved[pair[1]]):
            yield {**values, pair[0]: one, pair[1]: other}


def _line_that_differs(plan: Plan, series: Series, place: int) -> str:
    """The declared line whose values before `place` depend on what comes after; "" when none does."""
    whole, head = plan.columns(series.columns), plan.columns(series.columns.first(place))
    for name, node in plan.named.items():
        far, near = (pick(values, plan.place(node))[:place] for values in (whole, head))
        if not np.array_equal(far.astype(float), near.astype(float), equal_nan=True):
            return name
    return ""


def _told(value: float | int | None) -> str:
    return "none" if value is None else f"{value:.2f}"
