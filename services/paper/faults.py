"""Faults on demand, so that whoever trades here can be tested against a bad day of an exchange."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from .orders import RefusedError

T = TypeVar("T")

KINDS = {
    "timeout-before": "the request is held and never carried out",
    "timeout-after": "the request is carried out and never answered",
    "error-before": "HTTP 503, not carried out",
    "error-after": "HTTP 503, although it was carried out",
    "rate-limit": "HTTP 429 with Retry-After",
    "ban": "HTTP 418 with Retry-After",
    "slow": "answered late by `seconds`",
    "reject": "refused with -2010",
    "not-found": "orders are not found although they are there",
    "drop-events": "user events are lost",
    "duplicate-events": "user events come twice",
    "reorder-events": "user events come in the wrong order",
    "delay-events": "user events come late by `seconds`",
    "close-sockets": "all WebSockets are closed now",
    "silence-sockets": "all WebSockets that are open stay open and send nothing more",
    "clock-skew": "the exchange's clock is off by `seconds`, until cleared",
    "may-withdraw": "the API key may withdraw money, until cleared",
    "cancel-orders": "the exchange cancels all open orders by itself now",
}
"""What can be switched on, in the words of the help."""
_EVENT_KINDS = ("drop-events", "duplicate-events", "reorder-events", "delay-events")
_HOLD_S = 30.0


class Hang(Exception):
    """The request gets no answer: its connection is dropped."""


@dataclass(slots=True)
class Fault:
    """One fault that is switched on.

    Args:
        target: beginning of `VERB /path` or of a WebSocket method; empty is every call.
        count: how many more times it strikes.
        seconds: hold, delay or skew; 0 takes the usual.
    """

    kind: str
    target: str = ""
    count: int = 1
    seconds: float = 0.0


class Faults:
    """All that are switched on, and what they did."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.struck: dict[str, int] = {}
        self.skew_ms = 0
        self.may_withdraw = False

    def add(self, fault: Fault) -> None:
        """Switch on.

        Raises:
            RefusedError: there is no such kind.
        """
        if fault.kind not in KINDS:
            raise RefusedError(-1100, f"No fault is called {fault.kind!r}; there are {', '.join(KINDS)}.")
        if fault.kind == "clock-skew":
            self.skew_ms = int(fault.seconds * 1000)
        elif fault.kind == "may-withdraw":
            self.may_withdraw = True
        else:
            self.active.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        self.active.clear()
        self.skew_ms = 0
        self.may_withdraw = False

    def _strike(self, kinds: tuple[str, ...], name: str) -> Fault | None:
        for fault in self.active:
            if fault.kind in kinds and name.startswith(fault.target):
                fault.count -= 1
                if fault.count <= 0:
                    self.active.remove(fault)
                self.struck[fault.kind] = self.struck.get(fault.kind, 0) + 1
                return fault
        return None

    async def around(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Carry out a request, or let it fail in the way that is switched on.

        Raises:
            Hang: there is to be no answer.
            RefusedError: there is to be this answer.
        """
        if not self.active:
            return await work()
        kinds = tuple(kind for kind in KINDS if kind not in _EVENT_KINDS)
        fault = self._strike(kinds, name)
        if fault is None:
            return await work()
        if fault.kind in ("timeout-after", "error-after"):
            await work()
        if fault.kind.startswith("timeout"):
            await asyncio.sleep(fault.seconds or _HOLD_S)
            raise Hang
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds or 1.0)
            return await work()
        raise _answer(fault)

    def events(
        self, account: str, events: list[dict[str, object]], send: Callable[[list[dict[str, object]]], None]
    ) -> None:
        """Hand user events on, or do to them what is switched on."""
        fault = self._strike(_EVENT_KINDS, account) if self.active else None
        if fault is None:
            send(events)
        elif fault.kind == "duplicate-events":
            send([event for event in events for _ in range(2)])
        elif fault.kind == "reorder-events":
            send(events[::-1])
        elif fault.kind == "delay-events":
            asyncio.get_running_loop().call_later(fault.seconds or 1.0, send, events)


def _answer(fault: Fault) -> RefusedError:
    from .limits import RateLimitedError

    if fault.kind == "rate-limit":
        return RateLimitedError(-1003, "Too many requests.", 429, int(fault.seconds) or 1)
    if fault.kind == "ban":
        return RateLimitedError(-1003, "Way too many requests; IP banned.", 418, int(fault.seconds) or 5)
    if fault.kind == "reject":
        return RefusedError(-2010, "Account has insufficient balance for requested action.")
    if fault.kind == "not-found":
        return RefusedError(-2013, "Order does not exist.")
    return RefusedError(-1001, "Internal error; unable to process your request. Please try again.", 503)
