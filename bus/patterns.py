"""Patterns of topics, as people type them: `order.*`, `market.candle.*.1s`, `order`, `*`."""

import fnmatch
import re
from collections.abc import Callable

_WILD = re.compile(r"[*?\[]")


def prefix(pattern: str) -> str:
    """The longest prefix that every matching topic has; what a subscription can filter by."""
    found = _WILD.search(pattern)
    return pattern if found is None else pattern[: found.start()]


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a topic matches: with a wildcard as in a shell, else as a topic or its leading parts."""
    if not pattern:
        return lambda topic: True
    if _WILD.search(pattern):
        compiled = re.compile(fnmatch.translate(pattern))
        return lambda topic: compiled.match(topic) is not None
    parent = pattern if pattern.endswith(".") else pattern + "."
    return lambda topic: topic == pattern or topic.startswith(parent)
