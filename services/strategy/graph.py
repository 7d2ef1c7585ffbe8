"""Computing what a strategy class declares: over whole columns, or candle by candle.

A plan is made once for a class and its parameter values. Nodes that compute the same are computed once.
"""

from collections.abc import Hashable, Mapping, MutableMapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from .indicators import KINDS
from .lines import Node, Signal
from .parameters import Parameter
from .windows import Column

PRICES = ("open", "high", "low", "close", "volume")
Key = tuple[Hashable, ...]


class Columns(Protocol):
    """Candles as columns of one length: open times in UTC milliseconds, rising; prices and volume as
    float64.
    """

    @property
    def open_ms(self) -> NDArray[np.int64]: ...
    @property
    def open(self) -> Column: ...
    @property
    def high(self) -> Column: ...
    @property
    def low(self) -> Column: ...
    @property
    def close(self) -> Column: ...
    @property
    def volume(self) -> Column: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One computation of a plan: `slot` is its place, `inputs` are places of what it reads with the
    output's index.
    """

    key: Key
    kind: str
    arguments: tuple[Any, ...]
    inputs: tuple[tuple[int, int], ...]


class Plan:
    """The declarations of one strategy class under given parameter values, in the order of computing.

    Args:
        owner: the strategy class.
        values: a value for each of its parameters.
        timeframe: length of a candle, such as "1m".
    """

    def __init__(self, owner: type, values: Mapping[str, Any], timeframe: str) -> None:
        self.candle_ms = timeframe_ms(timeframe)
        self.named = _declared(owner)
        self.steps: list[Step] = []
        self._values = values
        self._slots: dict[Key, int] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._lookbacks: list[int] = []
        for node in self.named.values():
            self.place(node)
        when = getattr(owner, "when", None)
        self.wakes = self.place(when) if isinstance(when, Signal) else None
        self.lookback = max(self._lookbacks, default=0)

    def place(self, node: Node) -> tuple[int, int]:
        """Where a node's value is: (slot, output)."""
        found = self._places.get(id(node))
        if found is None:
            inputs = tuple(self.place(source) for source in node.inputs)
            arguments = tuple(self._value(argument) for argument in node.arguments)
            key: Key = (node.kind, arguments, tuple((self.steps[slot].key, out) for slot, out in inputs))
            slot = self._slots.get(key)
            if slot is None:
                slot = self._slots[key] = len(self.steps)
                self.steps.append(Step(key, node.kind, arguments, inputs))
                self._lookbacks.append(self._lookback(node.kind, arguments, inputs))
            found = self._places[id(node)] = (slot, node.output)
        return found

    def lookback_of(self, node: Node) -> int:
        """Candles before the first value of a node."""
        return self._lookbacks[self.place(node)[0]]

    def columns(self, candles: Columns, known: MutableMapping[Key, Any] | None = None) -> list[Any]:
        """Every step's value over the whole history, by slot.

        Args:
            known: values of the same candles computed before, by key; a sweep shares them between
            parameter sets.
        """
        cache: MutableMapping[Key, Any] = {} if known is None else known
        results: list[Any] = []
        for step in self.steps:
            value = cache.get(step.key)
            if value is None:
                value = cache[step.key] = self._column(step, candles, results)
            results.append(value)
        return results

    def _column(self, step: Step, candles: Columns, results: list[Any]) -> Any:
        if step.kind in PRICES:
            return getattr(candles, step.kind)
        if step.kind == "constant":
            return np.full(len(candles.close), float(step.arguments[0]))
        if step.kind == "every":
            return KINDS["every"].columns(step.arguments, candles.open_ms, self.candle_ms)
        return KINDS[step.kind].columns(step.arguments, *(pick(results, place) for place in step.inputs))

    def _value(self, argument: Any) -> Any:
        return self._values[argument.name] if isinstance(argument, Parameter) else argument

    def _lookback(self, kind: str, arguments: tuple[Any, ...], inputs: tuple[tuple[int, int], ...]) -> int:
        own = KINDS[kind].lookback(*arguments) if kind in KINDS else 0
        return own + max((self._lookbacks[slot] for slot, _ in inputs), default=0)


def pick(results: list[Any], place: tuple[int, int]) -> Any:
    """The value at a place; a step with several outputs keeps a tuple."""
    value = results[place[0]]
    return value[place[1]] if isinstance(value, tuple) else value


class Live:
    """A plan computed candle by candle. `value(node)` is valid after a `push`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._results: list[Any] = [float("nan")] * len(plan.steps)
        self._named = [(name, plan.place(node)) for name, node in plan.named.items()]
        self._work = [self._bind(slot, step) for slot, step in enumerate(plan.steps)]

    def _bind(self, slot: int, step: Step) -> tuple[int, str, Any, tuple[tuple[int, int], ...]]:
        if step.kind == "constant":
            self._results[slot] = float(step.arguments[0])
            return slot, "", None, ()
        if step.kind in PRICES:
            return slot, step.kind, None, ()
        return slot, step.kind, KINDS[step.kind].stream(*step.arguments).push, step.inputs

    def push(self, candle: Any) -> bool:
        """Take the next finished candle; return whether the strategy wants to be called on it."""
        results, candle_ms = self._results, self._plan.candle_ms
        for slot, kind, compute, inputs in self._work:
            if compute is None:
                if kind:
                    results[slot] = getattr(candle, kind)
            elif kind == "every":
                results[slot] = compute(candle.open_ms, candle_ms)
            else:
                results[slot] = compute(*[pick(results, place) for place in inputs])
        wakes = self._plan.wakes
        return True if wakes is None else bool(pick(results, wakes))

    def value(self, node: Node) -> Any:
        return pick(self._results, self._plan.place(node))

    def attributes(self) -> dict[str, float | bool]:
        """Values of all declared lines and signals, by name."""
        return {name: pick(self._results, place) for name, place in self._named}


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


def _declared(owner: type) -> dict[str, Node]:
    """Lines and signals of a class and its bases, by attribute; a later class wins."""
    found: dict[str, Node] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Node):
                found[name] = value
            else:
                found.pop(name, None)
    return found
