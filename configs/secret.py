"""A secret in memory: no repr, no str, no JSON, and a mask for texts that must not show it."""

import hmac
import re
import sys
import threading
from collections.abc import Iterable

MASK = "***"
# Shorter texts would be masked in innocent places as well.
_MIN_MASKED = 6
_NAMES = re.compile(
    r"(?:^|[_.\- ])(?:password|passwd|passphrase|secret|token|api_?key|private_?key|authorization|cookie|"
    r"credentials?|totp|mnemonic|seed_phrase)s?(?:$|[_.\- ])",
    re.IGNORECASE,
)


class Secret:
    """A text that must not be shown. `reveal` is the only way to it, and easy to search for in the code."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        MASKER.learn(text)

    def reveal(self) -> str:
        """The text itself, to be handed to whoever needs it and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled or copied into a dump")


class Masker:
    """Knows the secrets of this process and blots them out of texts."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, *texts: str) -> None:
        """From now on these texts are blotted out, as they are and as JSON writes them."""
        with self._lock:
            before = len(self._texts)
            for text in texts:
                if len(text) >= _MIN_MASKED:
                    self._texts |= set(_spellings(text))
            if len(self._texts) > before:
                longest_first = sorted(self._texts, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def blot(self, text: str) -> str:
        """The text without any secret."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text


def _spellings(text: str) -> Iterable[str]:
    import json

    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def is_secret_name(name: str) -> bool:
    """Does a field of this name hold something that must not be shown?"""
    return _NAMES.search(name) is not None


def forbid_core_dumps() -> None:
    """A core file would hold every secret of the process and of its children's hand-over.

    A limit of one byte, not of none: Linux gives no core to the programs that collect them only then
    (fs/coredump.c); a file of one byte is too small to be begun.
    """
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))


MASKER = Masker()
