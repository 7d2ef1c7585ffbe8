"""What is wrong with a strategy, found by running it: `cryptobot strategy check`.

It is run over sample candles (seeded, with trends, swings and a stretch without movement, or over a file)
in every way that must make no difference; where one does, the sentence says what that means for the
author.
"""

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...configs.errors import CryptoBotError
from ..data.columns import Columns
from ..data.files import Series
from ..strategy.base import Strategy
from ..strategy.graph import Plan, pick
from ..strategy.series import PRICES
from .orders import Execution
from .run import Result, Surroundings, run_series
from .sources import further
from .streamed import candle_by_candle
from .world import Rules

SAMPLE_CANDLES = 4000
_WARMUP = 1000
_SLOW_CALL_S = 0.002
_CUTS = (0.4, 0.7, 0.9)
_OTHER_FUTURES = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, and what was seen."""

    check: str
    ok: bool
    detail: str


def sample(size: int = SAMPLE_CANDLES, seed: int = 7) -> Series:
    """Hourly candles that no market made."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.01, size) + np.sin(np.arange(size) / 150) * 0.001
    steps[size // 2 : size // 2 + 50] = 0.0
    close = np.round(20_000 * np.exp(np.cumsum(steps)), 2)
    start = np.concatenate((close[:1], close[:-1]))
    high = np.round(np.maximum(start, close) * (1 + random.uniform(0, 0.004, size)), 2)
    low = np.round(np.minimum(start, close) * (1 - random.uniform(0, 0.004, size)), 2)
    times = 1_600_000_000_000 // 3_600_000 * 3_600_000 + np.arange(size, dtype=np.int64) * 3_600_000
    return Series("BTC/USDT", "1h", Columns(times, start, high, low, close, random.uniform(0.1, 9, size)), 0)


def check(
    owner: type[Strategy], parameters: dict[str, object], series: Series | None = None
) -> list[Finding]:
    """Everything that is looked at, in order; after a failure that makes the rest pointless, no more.

    Raises:
        SettingsError: a parameter that the strategy does not allow.
    """
    owner(parameters)
    chosen = sample() if series is None else series
    return list(_Check(owner, parameters, chosen, made_up_markets(owner, parameters, chosen)).findings())


def made_up_markets(
    owner: type[Strategy], parameters: dict[str, object], series: Series
) -> dict[str, Series]:
    """Candles that no market made, for the further markets that the strategy reads: each follows the
    strategy's own half-way.
    """
    market, own = series.symbol or "BTC/USDT", series.columns
    plan = Plan(owner, owner(parameters)._parameters, series.timeframe, market)
    others: dict[str, Series] = {}
    for key in plan.feeds:
        if key.symbol == market or key.symbol in others:
            continue
        noise = sample(len(own), zlib.crc32(key.symbol.encode())).columns
        half = np.sqrt(own.close / own.close[0])
        prices = [getattr(noise, name) ** 0.5 * half for name in ("open", "high", "low", "close")]
        prices[1], prices[2] = np.maximum.reduce(prices), np.minimum.reduce(prices)
        start, high, low, close = prices
        made = Columns(own.open_ms, start, high, low, close, noise.volume)
        others[key.symbol] = Series(key.symbol, series.timeframe, made, 0)
    return others


class _Check:
    """One strategy over one series, and over parts of it."""

    def __init__(
        self,
        owner: type[Strategy],
        parameters: dict[str, object],
        series: Series,
        others: Mapping[str, Series],
    ) -> None:
        self._owner, self._parameters, self._series = owner, parameters, series
        self._around = Surroundings(others=others)
        self._rules = Rules(warmup=min(_WARMUP, len(series.columns) // 4))

    def _run(self, series: Series | None = None, rules: Rules | None = None) -> Result:
        return run_series(
            self._owner,
            self._parameters,
            series or self._series,
            rules or self._rules,
            surroundings=self._around,
        )

    def findings(self) -> Iterator[Finding]:
        """What is looked at, in order."""
        begun = time.perf_counter()
        try:
            result = self._run()
        except CryptoBotError as error:
            yield Finding("runs", False, str(error))
            return
        took_s = time.perf_counter() - begun
        made, rules = result.outcome.executions, self._rules
        yield Finding("runs", True, f"{result.outcome.calls} calls, {len(made)} orders filled")
        yield _trades(made, result.outcome.refused)
        yield _speed(took_s, result.outcome.calls)
        yield _same_twice(made, self._run().outcome.executions)
        yield self._same_when_cut(made)
        yield self._repaints()
        yield _wakes(made, self._run(rules=Rules(warmup=rules.warmup, every=True)).outcome.executions)
        live = candle_by_candle(self._owner, self._parameters, self._series, rules, self._around)
        yield _live(made, live)
        yield self._warm()

    def _same_when_cut(self, made: list[Execution]) -> Finding:
        for share in _CUTS:
            length = int(len(self._series.columns) * share)
            early = self._run(self._head(length)).outcome.executions
            if early != [done for done in made if done.index < length]:
                told = f"without the candles after {length} it acts otherwise before"
                return Finding("no look-ahead", False, told)
        for length in np.linspace(0.3, 0.95, _OTHER_FUTURES).tolist():
            finding = self._same_in_another_future(int(length * len(self._series.columns)), made)
            if finding is not None:
                return finding
        return Finding("no look-ahead", True, "another future changes nothing before it")

    def _same_in_another_future(self, at: int, made: list[Execution]) -> Finding | None:
        """Run over candles that fall, or rise, from candle `at` on; what was decided before it must be the
        same. Orders of the last decision fill at the open of that candle, which stays as it was.
        """
        start = float(self._series.columns.open[at])
        decided = [one for one in made if _before(one, at, start)]
        for factor in (0.9, 1.1):
            whole = self._series
            other = Series(whole.symbol, whole.timeframe, _other_future(whole.columns, at, factor), 0)
            if [one for one in self._run(other).outcome.executions if _before(one, at, start)] != decided:
                told = f"when the candles from {at} on are others, it acts otherwise before them"
                return Finding("no look-ahead", False, told)
        return None

    def _head(self, length: int) -> Series:
        whole = self._series
        return Series(whole.symbol, whole.timeframe, whole.columns.first(length), 0)

    def _plan(self) -> Plan:
        values = self._owner(self._parameters)._parameters
        return Plan(self._owner, values, self._series.timeframe, self._series.symbol or "BTC/USDT")

    def _lines(self, plan: Plan, columns: Columns) -> dict[str, Any]:
        others = further(plan.feeds, plan.own, columns, self._around.others)
        values = plan.columns(columns, None, others)
        return {name: pick(values, plan.place(node)).astype(float) for name, node in plan.named.items()}

    def _repaints(self) -> Finding:
        """Does a line's value on a candle change once later candles are known?"""
        plan = self._plan()
        whole = self._lines(plan, self._series.columns)
        for share in _CUTS:
            length = int(len(self._series.columns) * share)
            early = self._lines(plan, self._series.columns.first(length))
            for name, line in early.items():
                if not np.array_equal(line, whole[name][:length], equal_nan=True):
                    told = f"{name} changes on candles that are past when later ones come"
                    return Finding("no repainting", False, told)
        return Finding("no repainting", True, "no line changes once it has a value")

    def _warm(self) -> Finding:
        """Do the declared lines depend on where the history begins?"""
        plan, warmup = self._plan(), self._rules.warmup
        needs = plan.lookback + self._owner.warmup
        if needs > warmup:
            told = f"needs {needs} candles; a live start shows it {warmup} (data.history)"
            return Finding("warm-up", False, told)
        size = len(self._series.columns)
        whole = self._lines(plan, self._series.columns)
        part = self._lines(plan, self._series.columns.part(size // 3, size))
        for name, node in plan.named.items():
            if plan.steps[plan.place(node)[0]].kind in PRICES:
                continue
            far, near = whole[name][-200:], part[name][-200:]
            if not np.allclose(far, near, rtol=1e-9, atol=1e-12, equal_nan=True):
                return Finding("warm-up", False, f"{name} depends on where the history begins")
        return Finding("warm-up", True, f"needs {needs} candles")


def _before(done: Execution, at: int, start: float) -> bool:
    """Decided before candle `at`: executed before it, or at its open."""
    return done.index < at or (done.index == at and float(done.price) == start)


def _other_future(columns: Columns, at: int, factor: float) -> Columns:
    """The same candles before `at`; from there on prices are others, but for the open of `at`."""
    prices = [
        np.concatenate((part[:at], part[at:] * factor))
        for part in (columns.open, columns.high, columns.low, columns.close)
    ]
    prices[0][at] = columns.open[at]
    prices[1], prices[2] = np.maximum(prices[1], prices[0]), np.minimum(prices[2], prices[0])
    return Columns(columns.open_ms, prices[0], prices[1], prices[2], prices[3], columns.volume)


def _trades(made: list[Execution], refused: int) -> Finding:
    if not made:
        return Finding("trades", False, "no order was filled; does it ever buy?" + _refused(refused))
    return Finding("trades", True, f"first order on candle {made[0].index}" + _refused(refused))


def _refused(count: int) -> str:
    return f" ({count} orders were refused: too little money, or nothing to sell)" if count else ""


def _speed(took_s: float, calls: int) -> Finding:
    each_s = took_s / max(1, calls)
    told = f"{each_s * 1e6:.0f} us a call"
    if each_s > _SLOW_CALL_S:
        return Finding("speed", False, f"{told}; declare lines instead of computing them in on_candle")
    return Finding("speed", True, told)


def _same_twice(first: list[Execution], second: list[Execution]) -> Finding:
    if first != second:
        return Finding(
            "deterministic", False, "two runs differ; it uses time, chance, or something kept between runs"
        )
    return Finding("deterministic", True, "two runs are equal")


def _wakes(made: list[Execution], every: list[Execution]) -> Finding:
    if made != every:
        return Finding(
            "wakes",
            False,
            "called on every candle it acts otherwise; make on_candle do nothing where `when` is false",
        )
    return Finding("wakes", True, "calling it on every candle changes nothing")


def _live(made: list[Execution], live: list[Execution]) -> Finding:
    if made != live:
        return Finding(
            "same live", False, "fed candle by candle it acts otherwise; does it keep values outside state?"
        )
    return Finding("same live", True, "fed candle by candle it acts the same")
