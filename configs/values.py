"""Single values: from the text a person wrote to the declared type, never guessed.

Durations: 90, 90s, 250ms, 5m, 1h30m, 2d, 1w (seconds when bare).
Sizes: 4096, 64KiB, 10 MB, 1GiB (bytes when bare).
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from .shape import Shape

_DURATION_UNITS = {"ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400", "w": "604800"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_SIZE_UNITS = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for suffix, base in (("b", 1000), ("ib", 1024))
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+(?:_\d+)*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_TRUTH = {"true": True, "false": False}
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def convert(text: str, shape: Shape, *, quoted: bool = False) -> Any:
    """The value that `text` means for a leaf of this shape.

    Args:
        quoted: the text stood in quotes; it matters only where several types are allowed.

    Raises:
        ValueError: it is not allowed; `allowed(shape)` says what is.
    """
    if shape.kind == "text":
        return _text(text, shape)
    if shape.kind == "choice":
        if text not in shape.choices:
            raise ValueError(text)
        return text
    if shape.kind == "bool":
        return _truth(text)
    if shape.kind == "scalar":
        return text if quoted else _plain(text)
    return _bounded(_number(text.strip(), shape), shape)


def _text(text: str, shape: Shape) -> str:
    if shape.max_length is not None and len(text) > shape.max_length:
        raise ValueError(text)
    if shape.pattern and not re.search(shape.pattern, text):
        raise ValueError(text)
    if "\0" in text:
        raise ValueError(text)
    return text


def _truth(text: str) -> bool:
    try:
        return _TRUTH[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


def _plain(text: str) -> str | int | float | bool:
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _number(text: str, shape: Shape) -> Decimal:
    if shape.unit == "s" and not _NUMBER.fullmatch(text):
        return duration_s(text)
    if shape.unit == "bytes" and not _NUMBER.fullmatch(text):
        return Decimal(size_bytes(text))
    if shape.unit == "%":
        text = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        raise ValueError(text) from None


def _bounded(number: Decimal, shape: Shape) -> int | float | Decimal:
    limits = shape.bounds
    low = ("ge" in limits and number < limits["ge"]) or ("gt" in limits and number <= limits["gt"])
    high = ("le" in limits and number > limits["le"]) or ("lt" in limits and number >= limits["lt"])
    if low or high or abs(number.adjusted()) > 60:
        raise ValueError(str(number))
    if shape.kind == "int":
        if number != number.to_integral_value():
            raise ValueError(str(number))
        return int(number)
    return float(number) if shape.kind == "float" else number


def duration_s(text: str) -> Decimal:
    """Seconds of `5m`, `1h30m`, `250ms`.

    Raises:
        ValueError: it is no duration.
    """
    total, position = Decimal(0), 0
    while position < len(text):
        match = _DURATION.match(text, position)
        if match is None:
            raise ValueError(text)
        total += Decimal(match[1]) * Decimal(_DURATION_UNITS[match[2]])
        position = match.end()
    if not text:
        raise ValueError(text)
    return total


def size_bytes(text: str) -> int:
    """Bytes of `64MiB`, `10 MB`.

    Raises:
        ValueError: it is no size, or no whole number of bytes.
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _SIZE_UNITS:
        raise ValueError(text)
    size = Decimal(match[1]) * _SIZE_UNITS[match[2].lower()]
    if size != size.to_integral_value():
        raise ValueError(text)
    return int(size)


def allowed(shape: Shape) -> str:
    """What may stand there, for people: "a whole number from 1 to 1000"."""
    if shape.kind == "choice":
        words = "one of " + ", ".join(str(choice) for choice in shape.choices)
    elif shape.kind == "text":
        words = _allowed_text(shape)
    else:
        words = {
            "bool": "true or false",
            "scalar": "a text, a number, true or false",
            "list": "a list: [a, b], or one `- item` a line",
            "map": "names with values, one `name: value` a line",
            "section": "a section with keys",
        }.get(shape.kind, "") or _allowed_number(shape)
    return f"{words}, or null" if shape.optional else words


def choices(shape: Shape) -> tuple[str, ...]:
    """The few values that may stand there, as they are written; () when there are more than few."""
    if shape.kind not in ("choice", "bool"):
        return ()
    words = ("true", "false") if shape.kind == "bool" else tuple(str(choice) for choice in shape.choices)
    return (*words, "null") if shape.optional else words


def _allowed_text(shape: Shape) -> str:
    if shape.form:
        return shape.form
    words = "text"
    if shape.max_length is not None:
        words += f" of at most {shape.max_length} characters"
    return f"{words} that matches {shape.pattern}" if shape.pattern else words


def _allowed_number(shape: Shape) -> str:
    if shape.unit == "s":
        words, suffix = "a duration (90, 90s, 5m, 1h30m)", " s"
    elif shape.unit == "bytes":
        words, suffix = "a size (4096, 64KiB, 10MB)", " bytes"
    else:
        words, suffix = ("a whole number" if shape.kind == "int" else "a number"), ""
    limits = {name: f"{limit:f}{suffix}" for name, limit in shape.bounds.items()}
    if "ge" in limits and "le" in limits:
        return f"{words} from {shape.bounds['ge']:f} to {limits['le']}"
    parts = [
        f"{phrase} {limits[name]}"
        for name, phrase in (
            ("ge", "at least"),
            ("gt", "greater than"),
            ("le", "at most"),
            ("lt", "less than"),
        )
        if name in limits
    ]
    return " ".join((words, " and ".join(parts))) if parts else words


def in_units(value: int | float | Decimal, unit: str) -> str:
    """The shortest way to write a duration or size: 300 s become 5m, 67108864 bytes 64MiB."""
    number = Decimal(str(value))
    if unit == "s":
        steps = [("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
        if 0 < number < 1 and number * 1000 == (number * 1000).to_integral_value():
            return f"{int(number * 1000)}ms"
    else:
        steps = [("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)]
    for name, size in steps:
        if number and number % size == 0:
            return f"{int(number / size)}{name}"
    return f"{number.normalize():f}"
