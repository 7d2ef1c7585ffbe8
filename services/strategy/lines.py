"""What a strategy declares: lines of numbers and signals made of them.

Nothing is computed here. A declaration is a small graph; `graph.py` computes it, over the whole history
at once in a backtest and candle by candle live, with results that are equal to the last bit.
"""

from typing import Any, Union, overload

from .parameters import Parameter

NAN = float("nan")

Number = int | float | Parameter[int] | Parameter[float]
"""A constant, or a parameter declared in the same class."""

Operand = Union["Line", int, float, Parameter[int], Parameter[float]]


class Node:
    """One computation: its kind (a key of indicators.KINDS), what it reads, and its constants."""

    __slots__ = ("arguments", "inputs", "kind", "output")

    def __init__(
        self, kind: str, inputs: "tuple[Node, ...]" = (), arguments: tuple[Any, ...] = (), output: int = 0
    ) -> None:
        self.kind, self.inputs, self.arguments, self.output = kind, inputs, arguments, output

    def __bool__(self) -> bool:
        raise TypeError("a declaration has no truth value; combine signals with & (and), | (or), ~ (not)")


class Line(Node):
    """A series of numbers, one a candle. Inside the strategy `self.name` is its value on the current candle.

    The value is NaN until there are enough candles.
    """

    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "Line": ...
    @overload
    def __get__(self, instance: object, owner: type) -> float: ...
    def __get__(self, instance: Any, owner: type) -> "Line | float":
        return self if instance is None else float(_look(self, instance, NAN))

    def shift(self, candles: int | Parameter[int]) -> "Line":
        """The value so many candles ago. There is no way to look ahead."""
        return Line("shift", (self,), (candles,))

    def __add__(self, other: Operand) -> "Line":
        return Line("add", (self, line(other)))

    def __radd__(self, other: Operand) -> "Line":
        return Line("add", (line(other), self))

    def __sub__(self, other: Operand) -> "Line":
        return Line("subtract", (self, line(other)))

    def __rsub__(self, other: Operand) -> "Line":
        return Line("subtract", (line(other), self))

    def __mul__(self, other: Operand) -> "Line":
        return Line("multiply", (self, line(other)))

    def __rmul__(self, other: Operand) -> "Line":
        return Line("multiply", (line(other), self))

    def __truediv__(self, other: Operand) -> "Line":
        return Line("divide", (self, line(other)))

    def __rtruediv__(self, other: Operand) -> "Line":
        return Line("divide", (line(other), self))

    def __gt__(self, other: Operand) -> "Signal":
        return Signal("greater", (self, line(other)))

    def __ge__(self, other: Operand) -> "Signal":
        return Signal("greater_equal", (self, line(other)))

    def __lt__(self, other: Operand) -> "Signal":
        return Signal("greater", (line(other), self))

    def __le__(self, other: Operand) -> "Signal":
        return Signal("greater_equal", (line(other), self))


class Signal(Node):
    """True or false on each candle. Inside the strategy `self.name` is its value on the current candle."""

    __slots__ = ()

    @overload
    def __get__(self, instance: None, owner: type) -> "Signal": ...
    @overload
    def __get__(self, instance: object, owner: type) -> bool: ...
    def __get__(self, instance: Any, owner: type) -> "Signal | bool":
        return self if instance is None else bool(_look(self, instance, False))

    def __and__(self, other: "Signal") -> "Signal":
        return Signal("both", (self, other))

    def __or__(self, other: "Signal") -> "Signal":
        return Signal("either", (self, other))

    def __invert__(self) -> "Signal":
        return Signal("negate", (self,))


def _look(node: Node, instance: Any, nothing: float | bool) -> Any:
    """The value of a node that the world did not put into the instance's dictionary beforehand."""
    view = instance.__dict__.get("_view")
    return nothing if view is None else view.value(node)


def line(value: Operand) -> Line:
    """A line as it is; a constant or a parameter as a line that never changes."""
    return value if isinstance(value, Line) else Line("constant", (), (value,))


OPEN = Line("open")
HIGH = Line("high")
LOW = Line("low")
CLOSE = Line("close")
VOLUME = Line("volume")


def cross_up(first: Operand, second: Operand) -> Signal:
    """True on the candle on which `first` rises above `second`, having been at or below it one candle
    before.
    """
    return Signal("cross_up", (line(first), line(second)))


def cross_down(first: Operand, second: Operand) -> Signal:
    """True on the candle on which `first` falls below `second`, having been at or above it one candle
    before.
    """
    return Signal("cross_up", (line(second), line(first)))


def every(period: str) -> Signal:
    """True on the candle that ends a period, such as "4h" or "1d", counted from 1970-01-01 00:00 UTC."""
    return Signal("every", (), (period,))
