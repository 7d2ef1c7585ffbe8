"""Parameters of a strategy: typed, with a range and a help text, readable as plain attributes."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from ...bus.contracts.strategy import DeclaredParameter
from ...configs.errors import SettingsError

T = TypeVar("T", int, float, str, bool)

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class Parameter(Generic[T]):
    """One number, choice or switch that a user may change, declared in the body of a Strategy.

    Its kind is the kind of its default: int, float, str or bool. Inside the strategy `self.fast` is the
    value; in the class body the declaration itself may be given to an indicator: `ema(fast)`.

    Args:
        default: the value when nobody gives one.
        low: smallest value that is allowed.
        high: largest value that is allowed.
        step: distance of values in a sweep; 0 leaves the choice to the sweep.
        choices: the only values that are allowed.
        help: one sentence for people.
    """

    def __init__(
        self,
        default: T,
        *,
        low: T | None = None,
        high: T | None = None,
        step: float = 0.0,
        choices: Sequence[T] = (),
        help: str = "",
    ) -> None:
        self.default: T = default
        self.low: T | None = low
        self.high: T | None = high
        self.step = step
        self.choices: tuple[T, ...] = tuple(choices)
        self.help = help
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "Parameter[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> "Parameter[T] | T":
        # The value is put beside it, into the instance's dictionary, when the strategy is made.
        return self if instance is None else self.default

    @property
    def kind(self) -> str:
        """int, float, str or bool."""
        return type(self.default).__name__

    def parse(self, given: object) -> T:
        """The value of what a user wrote.

        Raises:
            SettingsError: it has the wrong kind or lies outside the range.
        """
        value = self._convert(given)
        if self.choices and value not in self.choices:
            allowed = ", ".join(str(choice) for choice in self.choices)
            raise SettingsError(f"Parameter {self.name} is {given!r}; allowed are {allowed}.")
        below = self.low is not None and value < self.low
        above = self.high is not None and value > self.high
        if below or above:
            raise SettingsError(f"Parameter {self.name} is {given}; it must lie {self._range()}.")
        return value

    def _range(self) -> str:
        if self.high is None:
            return f"at or above {self.low}"
        if self.low is None:
            return f"at or below {self.high}"
        return f"between {self.low} and {self.high}"

    def _convert(self, given: object) -> T:
        kind: Any = type(self.default)
        try:
            if kind is bool:
                value: Any = _boolean(given)
            else:
                value = kind(_plain(given, kind))
        except (TypeError, ValueError):
            raise SettingsError(
                f"Parameter {self.name} is {given!r}; it must be {_KIND_WORDS[kind.__name__]}."
            ) from None
        converted: T = value
        return converted


_KIND_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def _plain(given: object, kind: type) -> Any:
    """What `kind` may convert: no number that would lose its fraction, no switch, no NaN."""
    if isinstance(given, bool) and kind is not str:
        raise ValueError
    if kind is int and isinstance(given, float) and not given.is_integer():
        raise ValueError
    if kind is float and float(str(given)) != float(str(given)):
        raise ValueError
    return given.strip() if isinstance(given, str) else given


def _boolean(given: object) -> bool:
    word = str(given).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError


def check(declared: Mapping[str, Parameter[Any]], given: Mapping[str, object], owner: str) -> dict[str, Any]:
    """Values of all declared parameters, defaults filled in.

    Raises:
        SettingsError: a name that is not declared (the nearest one is told), or a value that is not allowed.
    """
    values = {name: parameter.default for name, parameter in declared.items()}
    for name, value in given.items():
        if name not in declared:
            raise SettingsError(f"Strategy {owner} has no parameter {name!r}{nearest(name, declared)}")
        try:
            values[name] = declared[name].parse(value)
        except SettingsError as error:
            raise SettingsError(f"Strategy {owner}: {error}") from None
    return values


def told(declared: Mapping[str, Parameter[Any]]) -> list[DeclaredParameter]:
    """Declared parameters as others see them, for forms."""
    return [
        DeclaredParameter(
            name=name,
            kind=one.kind,
            default=str(one.default),
            low="" if one.low is None else str(one.low),
            high="" if one.high is None else str(one.high),
            choices=[str(choice) for choice in one.choices],
            help=one.help,
        )
        for name, one in declared.items()
    ]


def nearest(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(sorted(known))}." if known else "; there are none."
