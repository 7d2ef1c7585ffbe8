"""Lists in pages: at most `limit` rows, and in `next` the cursor of the page behind them (null at the end).

A cursor is a text of ours that means nothing to others. It names the last row that was seen, so that rows
which come or go meanwhile neither repeat nor hide others.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from flask import Response, request

from ..problems import ApiProblem
from .answers import answer, limit

T = TypeVar("T")
WORDS = ("cursor", "limit")
DEFAULT = 500
_MAX_CURSOR = 500


def cursor() -> str:
    """What the cursor of the query names, "" for the first page.

    Raises:
        ApiProblem: invalid_cursor.
    """
    given = request.args.get("cursor", "")
    if not given:
        return ""
    try:
        if len(given) > _MAX_CURSOR or not given.isascii():
            raise ValueError
        padded = given + "=" * (-len(given) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode() or _nothing()
    except (binascii.Error, ValueError):
        raise _no_cursor() from None


def cursor_number() -> int | None:
    """As `cursor`, where it is a number; None for the first page.

    Raises:
        ApiProblem: invalid_cursor.
    """
    text = cursor()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _no_cursor()
    return int(text)


def page(value: msgspec.Struct, name: str, rows: Sequence[Any], following: str) -> Response:
    """An answer with these rows as its member `name`.

    Args:
        following: what the cursor of the next page names; "" when there is none.
    """
    sent = base64.urlsafe_b64encode(following.encode()).decode().rstrip("=") if following else None
    return answer({**msgspec.structs.asdict(value), name: rows, "next": sent})


def page_of(value: msgspec.Struct, name: str, key: Callable[[Any], str], default: int = DEFAULT) -> Response:
    """One page of a list that is at hand as a whole.

    Raises:
        ApiProblem: invalid_cursor, invalid_parameter.
    """
    rows: Sequence[Any] = getattr(value, name)
    most, behind = limit(default), cursor()
    start = 0
    if behind:
        start = next((place + 1 for place, row in enumerate(rows) if key(row) == behind), -1)
        if start < 0:
            raise ApiProblem(
                400, "invalid_cursor", "The row that this cursor names is gone; begin at the first page."
            )
    shown = rows[start : start + most]
    return page(value, name, shown, key(shown[-1]) if start + most < len(rows) else "")


def following(rows: Sequence[T], most: int, key: Callable[[T], str], *, newest_last: bool = False) -> str:
    """What the next cursor names when a service was asked for `most` rows."""
    if len(rows) < most or not rows:
        return ""
    return key(rows[0] if newest_last else rows[-1])


def _nothing() -> str:
    raise ValueError


def _no_cursor() -> ApiProblem:
    return ApiProblem(400, "invalid_cursor", "This is no cursor; take `next` of the page before.")
