"""What a section of the settings is made of."""

from typing import Any

import msgspec
from msgspec import Meta


def setting(
    help_text: str,
    *,
    unit: str = "",
    applies: str = "restart",
    merges: bool = False,
    form: str = "",
    **limits: Any,
) -> Meta:
    """What the user is told about a key.

    Args:
        help_text: one or two sentences for people.
        unit: s, bytes, quote, %, ...; durations and sizes may be written with units (5m, 64MiB).
        applies: live, restart (of the owning service) or person (needs a decision).
        merges: entries of a map in a later file join those of an earlier one, instead of replacing them all.
        form: in words, what `pattern` asks for: an error says this instead of the expression.
        limits: ge, gt, le, lt for numbers, max_length and the like for text.
    """
    told: dict[str, Any] = {
        "description": help_text,
        "extra": {"unit": unit, "applies": applies, "merges": merges, "form": form},
    }
    return Meta(**told, **limits)


def decimal_setting(
    help_text: str, *, unit: str = "", applies: str = "restart", gt: str = "", ge: str = "", lt: str = ""
) -> Meta:
    """As `setting`, for a Decimal: msgspec checks bounds of int and float only, the loader these."""
    bounds = {"gt": gt, "ge": ge, "lt": lt}
    return Meta(description=help_text, extra={"unit": unit, "applies": applies, "bounds": bounds})


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections."""
