"""How waiting notices become messages: alone, put together, or a digest; and when none may be sent."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .news import rank

_LINES = 5
_DIGEST_LINES = 40
_ALONE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice that is to be delivered to one channel."""

    id: int
    severity: str
    title: str
    text: str
    urgent: bool = False
    digest: bool = False
    files: tuple[str, ...] = ()
    attempts: int = 0
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, and which notices are in it."""

    items: tuple[Waiting, ...]
    title: str
    text: str
    severity: str
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class Allowance:
    """How many messages may still go to a channel: a window that slides."""

    sent_ms: deque[int] = field(default_factory=deque)

    def left(self, now_ms: int, count: int, window_s: float) -> int:
        """How many may be sent now."""
        while self.sent_ms and self.sent_ms[0] <= now_ms - window_s * 1000:
            self.sent_ms.popleft()
        return max(0, count - len(self.sent_ms))

    def next_ms(self, window_s: float) -> int:
        """When the next one may be sent, once none is left."""
        return self.sent_ms[0] + int(window_s * 1000) if self.sent_ms else 0


def pack(due: Sequence[Waiting], left: int) -> list[Parcel]:
    """The messages that are to be sent now, in this order.

    What is urgent goes alone and first, whatever is left. A digest is one message. The rest goes one by one
    while there are few, else as one message; with nothing left it waits.
    """
    urgent = [single(one) for one in due if one.urgent]
    digest = [one for one in due if one.digest and not one.urgent]
    rest = [one for one in due if not one.digest and not one.urgent]
    sent: list[Parcel] = []
    if rest and left > 0:
        alone = len(rest) <= min(left, _ALONE)
        sent += [single(one) for one in rest] if alone else [together(rest, f"{len(rest)} notices", _LINES)]
    if digest and left > len(sent):
        count = "1 notice" if len(digest) == 1 else f"{len(digest)} notices"
        sent.append(together(digest, f"Digest: {count}", _DIGEST_LINES))
    return urgent + sent


def single(item: Waiting) -> Parcel:
    """One notice as one message."""
    mark = "" if item.severity == "info" else f"[{item.severity}] "
    return Parcel((item,), f"{mark}{item.title}", item.text or item.title, item.severity, item.files)


def together(items: Sequence[Waiting], title: str, lines: int) -> Parcel:
    """Several notices as one message: the gravest first, what is equal counted, the rest only counted."""
    counted = Counter((one.severity, one.title) for one in items)
    ordered = sorted(counted, key=lambda one: -rank(one[0]))
    shown = [_line(severity, text, counted[severity, text]) for severity, text in ordered[:lines]]
    hidden = sum(counted[one] for one in ordered[lines:])
    if hidden:
        shown.append(f"and {hidden} more")
    files = tuple(dict.fromkeys(name for one in items for name in one.files))
    return Parcel(tuple(items), title, "\n".join(shown), worst(one.severity for one in items), files)


def _line(severity: str, title: str, count: int) -> str:
    mark = "" if severity == "info" else f"[{severity}] "
    times = f" ({count} times)" if count > 1 else ""
    return f"- {mark}{title}{times}"


def worst(severities: Iterable[str]) -> str:
    """The gravest of them."""
    return max(severities, key=rank, default="info")
