"""Computing what a strategy class declares: over whole columns, or candle by candle.

A plan is made once for a class and its parameter values. Nodes that compute the same are computed once.

Series. The strategy's own candles are series 0; each Feed is a further one with candles of its own. A
node that reads one series only is computed on that series' candles; one that reads several, a crossing,
and everything that the strategy sees is computed on its own candles, where the value of another series is
that of its newest candle that was finished when the own candle closed (feeds in docs/strategies.md).
"""

from collections.abc import Hashable, Mapping, MutableMapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ...bus.contracts.market import timeframe_ms
from ...configs.errors import StrategyError
from .feeds import Feed, FeedKey
from .indicators import KINDS
from .lines import Node, Signal
from .parameters import Parameter
from .series import PRICES, Columns, finished, seen

Key = tuple[Hashable, ...]
ALIGN = "align"
_ON_OWN_CANDLES = frozenset({"cross_up", "every"})
"""Kinds that are about a moment: true once, on the own candle, however long the candles they read."""


@dataclass(frozen=True, slots=True)
class Step:
    """One computation of a plan: `slot` is its place, `inputs` are places of what it reads with the
    output's index, `series` on whose candles it is computed. `signal`: it is true or false.
    """

    key: Key
    kind: str
    arguments: tuple[Any, ...]
    inputs: tuple[tuple[int, int], ...]
    series: int = 0
    signal: bool = False


Place = tuple[int, int]
"""(slot, output) of a value."""


class Plan:
    """The declarations of one strategy class under given parameter values, in the order of computing.

    Args:
        owner: the strategy class.
        values: a value for each of its parameters.
        timeframe: length of its own candles, such as "1m".
        symbol: its own market; needed to know a feed on the own market from one on another.

    `feeds` are the further series it reads, each once, in the order of declaration; `schedules` the
    methods called on a schedule with the length of their periods in ms; `wakes` the place of the signal on
    which the strategy is called, None for each candle; `called` the place of `when` itself.
    """

    def __init__(self, owner: type, values: Mapping[str, Any], timeframe: str, symbol: str = "") -> None:
        self.candle_ms = timeframe_ms(timeframe)
        self.own = FeedKey(symbol, timeframe)
        self.named, feeds = _declared(owner)
        self.steps: list[Step] = []
        self._values = values
        self._slots: dict[Key, int] = {}
        self._places: dict[int, Place] = {}
        self._lookbacks: list[int] = []
        self._series: dict[FeedKey, int] = {self.own: 0}
        for feed in feeds:
            self._number(feed)
        for node in self.named.values():
            self.place(node)
        schedules: Mapping[str, str] = owner.schedules() if hasattr(owner, "schedules") else {}
        self.schedules = {name: timeframe_ms(period) for name, period in schedules.items()}
        when = getattr(owner, "when", None)
        self.called = self.place(when) if isinstance(when, Signal) else None
        self.wakes = self.called if not schedules else self._also_on(when, schedules)

    @property
    def feeds(self) -> tuple[FeedKey, ...]:
        """The further series, by number from 1."""
        return tuple(self._series)[1:]

    @property
    def lookback(self) -> int:
        """Own candles before the first value of every line."""
        return max(self._lookbacks, default=0)

    @property
    def lookbacks(self) -> dict[FeedKey, int]:
        """Candles of each further series before the first value of every line made of it."""
        found = dict.fromkeys(self.feeds, 0)
        for slot, step in enumerate(self.steps):
            if step.series:
                key = self.feeds[step.series - 1]
                found[key] = max(found[key], self._lookbacks[slot])
        return found

    def place(self, node: Node) -> Place:
        """Where a node's value on the strategy's own candles is."""
        return self._aligned(self._place(node))

    def _place(self, node: Node) -> Place:
        """Where a node's value on its series' candles is."""
        found = self._places.get(id(node))
        if found is None:
            inputs = tuple(self._place(source) for source in node.inputs)
            series = self._series_of(node, inputs)
            if not series:
                inputs = tuple(self._aligned(place) for place in inputs)
            arguments = tuple(self._value(argument) for argument in node.arguments if not _is_feed(argument))
            _no_look_ahead(node.kind, arguments)
            slot = self._slot(node.kind, arguments, inputs, series, isinstance(node, Signal))
            found = self._places[id(node)] = (slot, node.output)
        return found

    def _series_of(self, node: Node, inputs: tuple[Place, ...]) -> int:
        for argument in node.arguments:
            if isinstance(argument, Feed):
                return self._number(argument)
        if node.kind in _ON_OWN_CANDLES:
            return 0
        read = {self.steps[slot].series for slot, _ in inputs if self.steps[slot].kind != "constant"}
        return read.pop() if len(read) == 1 else 0

    def _aligned(self, place: Place) -> Place:
        step = self.steps[place[0]]
        if not step.series:
            return place
        return self._slot(ALIGN, (), (place,), 0, step.signal), 0

    def _slot(
        self, kind: str, arguments: tuple[Any, ...], inputs: tuple[Place, ...], series: int, signal: bool
    ) -> int:
        place = (tuple(self._series)[series],) if series else ()
        key: Key = (kind, arguments, tuple((self.steps[slot].key, out) for slot, out in inputs), *place)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = len(self.steps)
            self._lookbacks.append(self._lookback(kind, arguments, inputs))
            self.steps.append(Step(key, kind, arguments, inputs, series, signal))
        return slot

    def _number(self, feed: Feed) -> int:
        key = feed.key(self._values, self.own.symbol, self.own.timeframe)
        timeframe_ms(key.timeframe)
        return self._series.setdefault(key, len(self._series))

    def lookback_of(self, node: Node) -> int:
        """Own candles before the first value of a node."""
        return self._lookbacks[self.place(node)[0]]

    def columns(
        self,
        candles: Columns,
        known: MutableMapping[Key, Any] | None = None,
        others: Mapping[FeedKey, Columns] | None = None,
    ) -> list[Any]:
        """Every step's value over the whole history, by slot; a column has the length of its series.

        Args:
            known: values of the same candles computed before, by key; a sweep shares them between
            parameter sets.
            others: the candles of each further series (`feeds`); more than those may be given.

        Raises:
            KeyError: the candles of a further series are not given.
        """
        cache: MutableMapping[Key, Any] = {} if known is None else known
        series = [candles, *((others or {})[key] for key in self.feeds)]
        results: list[Any] = []
        for step in self.steps:
            value = cache.get(step.key)
            if value is None:
                value = cache[step.key] = self._column(step, series, results, cache)
            results.append(value)
        return results

    def _finished(
        self, number: int, candles: Columns, others: Columns, cache: MutableMapping[Key, Any]
    ) -> Any:
        key = self.feeds[number - 1]
        at = cache.get(("finished", key))
        if at is None:
            step_ms = timeframe_ms(key.timeframe)
            at = cache["finished", key] = finished(candles.open_ms, self.candle_ms, others.open_ms, step_ms)
        return at

    def _column(
        self, step: Step, series: list[Columns], results: list[Any], cache: MutableMapping[Key, Any]
    ) -> Any:
        candles = series[step.series]
        if step.kind in PRICES:
            return getattr(candles, step.kind)
        if step.kind == "constant":
            return np.full(len(candles.close), float(step.arguments[0]))
        if step.kind == "every":
            return KINDS["every"].columns(step.arguments, candles.open_ms, self.candle_ms)
        if step.kind == ALIGN:
            source = step.inputs[0]
            number = self.steps[source[0]].series
            return seen(pick(results, source), self._finished(number, candles, series[number], cache))
        inputs = [self._wide(results, place, candles) for place in step.inputs]
        return KINDS[step.kind].columns(step.arguments, *inputs)

    def _wide(self, results: list[Any], place: Place, candles: Columns) -> Any:
        """An input's column; a constant was made as long as the own candles, another series may differ."""
        column = pick(results, place)
        if self.steps[place[0]].kind == "constant" and len(column) != len(candles.close):
            return np.full(len(candles.close), float(self.steps[place[0]].arguments[0]))
        return column

    def _value(self, argument: Any) -> Any:
        return self._values[argument.name] if isinstance(argument, Parameter) else argument

    def _lookback(self, kind: str, arguments: tuple[Any, ...], inputs: tuple[Place, ...]) -> int:
        own = KINDS[kind].lookback(*arguments) if kind in KINDS else 0
        before = own + max((self._lookbacks[slot] for slot, _ in inputs), default=0)
        if kind != ALIGN:
            return before
        step_ms = timeframe_ms(self.feeds[self.steps[inputs[0][0]].series - 1].timeframe)
        return -(-(before + 1) * step_ms // self.candle_ms) if step_ms != self.candle_ms else before

    def _also_on(self, when: Signal | None, schedules: Mapping[str, str]) -> Place | None:
        """Where the signal is that is true when the strategy wants a candle or a schedule is due."""
        if not isinstance(when, Signal):
            return None
        wakes = when
        for period in schedules.values():
            wakes = wakes | Signal("every", (), (period,))
        self._kept = wakes  # places are known by identity: the node must live as long as the plan
        return self.place(wakes)


def pick(results: list[Any], place: Place) -> Any:
    """The value at a place; a step with several outputs keeps a tuple."""
    value = results[place[0]]
    return value[place[1]] if isinstance(value, tuple) else value


class Live:
    """A plan computed candle by candle. `value(node)` is valid after a `push`.

    Candles of further series are shown with `push_other`, all those that were finished by the close of
    the own candle before that one is pushed.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._results: list[Any] = [False if step.signal else float("nan") for step in plan.steps]
        self._named = [(name, plan.place(node)) for name, node in plan.named.items()]
        work = [(step.series, self._bind(slot, step)) for slot, step in enumerate(plan.steps)]
        self._work = [[bound for series, bound in work if series == number] for number in _numbers(plan)]
        self._newest: dict[FeedKey, Any] = {}

    def _bind(self, slot: int, step: Step) -> tuple[int, str, Any, tuple[Place, ...]]:
        if step.kind == "constant":
            self._results[slot] = float(step.arguments[0])
            return slot, "", None, ()
        if step.kind in PRICES:
            return slot, step.kind, None, ()
        if step.kind == ALIGN:
            return slot, "", _same, step.inputs
        return slot, step.kind, KINDS[step.kind].stream(*step.arguments).push, step.inputs

    def push(self, candle: Any) -> bool:
        """Take the next finished candle; return whether the strategy wants to be called on it."""
        self._compute(0, candle)
        wakes = self._plan.wakes
        return True if wakes is None else bool(pick(self._results, wakes))

    def push_other(self, key: FeedKey, candle: Any) -> None:
        """Take the next finished candle of a further series."""
        self._newest[key] = candle
        self._compute(self._plan.feeds.index(key) + 1, candle)

    def newest(self, key: FeedKey) -> Any:
        """The newest finished candle of a further series; None before the first."""
        return self._newest.get(key)

    def _compute(self, series: int, candle: Any) -> None:
        results, candle_ms = self._results, self._plan.candle_ms
        for slot, kind, compute, inputs in self._work[series]:
            if compute is None:
                if kind:
                    results[slot] = getattr(candle, kind)
            elif kind == "every":
                results[slot] = compute(candle.open_ms, candle_ms)
            else:
                results[slot] = compute(*[pick(results, place) for place in inputs])

    def value(self, node: Node) -> Any:
        return pick(self._results, self._plan.place(node))

    def at(self, place: Place) -> Any:
        """The value at a place of the plan."""
        return pick(self._results, place)

    def attributes(self) -> dict[str, float | bool]:
        """Values of all declared lines and signals, by name."""
        return {name: pick(self._results, place) for name, place in self._named}


def due(schedules: Mapping[str, int], open_ms: int, candle_ms: int) -> list[str]:
    """The scheduled methods to call on a candle, in the order of their definition."""
    return [name for name, period_ms in schedules.items() if not (open_ms + candle_ms) % period_ms]


def names_read(owner: type, declared: Mapping[str, Node]) -> list[str]:
    """Declared names that the methods of a class mention. A method may read others by a detour; rarely."""
    mentioned: set[str] = set()
    codes = [
        function.__code__
        for base in owner.__mro__
        for function in vars(base).values()
        if isinstance(function, FunctionType)
    ]
    while codes:
        code = codes.pop()
        mentioned.update(code.co_names)
        codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return [name for name in declared if name in mentioned]


def _declared(owner: type) -> tuple[dict[str, Node], list[Feed]]:
    """Lines and signals of a class and its bases by attribute, and its feeds; a later class wins."""
    found: dict[str, Any] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Node | Feed):
                found[name] = value
            else:
                found.pop(name, None)
    nodes = {name: value for name, value in found.items() if isinstance(value, Node)}
    return nodes, [value for value in found.values() if isinstance(value, Feed)]


def _is_feed(argument: Any) -> bool:
    return isinstance(argument, Feed)


def _no_look_ahead(kind: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a shift into the future, and windows without a candle."""
    if kind == "shift" and arguments[0] < 0:
        raise StrategyError(f"shift({arguments[0]}) would look ahead; it takes 0 or more candles back.")
    if kind in KINDS and kind not in ("shift", "every", "talib") and any(size < 1 for size in arguments):
        raise StrategyError(f"{kind} over {arguments} candles is nothing; a period is 1 or more.")


def _numbers(plan: Plan) -> range:
    return range(len(plan.feeds) + 1)


def _same(value: Any) -> Any:
    return value
