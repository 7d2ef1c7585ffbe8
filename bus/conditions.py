"""Conditions on messages, such as `payload.close > 100 and symbol == BTC/USDT`."""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..configs.errors import UsageError

Condition = Callable[[Mapping[str, Any]], bool]

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"^\s*([\w.]+)\s*(==|!=|>=|<=|>|<)\s*(.+?)\s*$")


def parse(text: str) -> Condition:
    """A condition from text: comparisons joined by `and`. Numbers are compared as decimals, the rest as text.

    A name is a field of the payload, of a map within it (`fields.key`), or of the envelope (`source`). A
    message without the field does not match.

    Raises:
        UsageError: the text is no such condition.
    """
    comparisons = [_comparison(part) for part in re.split(r"\s+and\s+", text)]
    return lambda message: all(each(message) for each in comparisons)


def _comparison(text: str) -> Condition:
    found = _COMPARISON.match(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no condition: write FIELD OPERATOR VALUE with one of {' '.join(_OPERATORS)}, "
            "such as 'price > 100', and join several with 'and'."
        )
    name, sign, value = found.groups()
    wanted = value.strip("'\"")
    compare = _OPERATORS[sign]

    def check(message: Mapping[str, Any]) -> bool:
        held = _field(message, name)
        if held is None:
            return False
        left, right = _number(held), _number(wanted)
        if left is not None and right is not None:
            return compare(left, right)
        return compare(_text(held), wanted)

    return check


def _field(message: Mapping[str, Any], name: str) -> Any:
    payload = message.get("payload")
    path = name.removeprefix("payload.").split(".")
    found = _walk(payload, path)
    return _walk(message, path) if found is None else found


def _walk(value: Any, path: list[str]) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
