"""Asking services over the bus whether they answer, on a thread that may wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...bus.contracts.base import Done
from ...bus.contracts.service import Ping
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError

if TYPE_CHECKING:
    from ...bus.blocking import BlockingBus
    from ..loop import Loop

Verdict = Callable[[bool], None]


class Pings:
    """One question at a time, one outstanding for each service; verdicts come on the supervisor's loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._asked: set[str] = set()
        self._queue: queue.SimpleQueue[tuple[BlockingBus, str, float, Verdict] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="bus-pings", daemon=True).start()

    def ask(self, bus: BlockingBus, name: str, timeout_s: float, verdict: Verdict) -> None:
        """On the loop's thread. A service whose answer is still awaited is not asked again."""
        if name not in self._asked:
            self._asked.add(name)
            self._queue.put((bus, name, timeout_s, verdict))

    def close(self) -> None:
        """Ask nobody any more; does not wait."""
        self._queue.put(None)

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            bus, name, timeout_s, verdict = asked
            good = _answers(bus, name, timeout_s)
            self._loop.call_soon_threadsafe(partial(self._told, name, verdict, good))

    def _told(self, name: str, verdict: Verdict, good: bool | None) -> None:
        self._asked.discard(name)
        if good is not None:
            verdict(good)


def _answers(bus: BlockingBus, name: str, timeout_s: float) -> bool | None:
    """None when that cannot be said: the bus itself is away or is being closed."""
    try:
        bus.request(name, Ping(), Done, timeout_s=timeout_s)
    except BusTimeoutError:
        return False
    except RequestFailedError:
        return True  # it refused, so it is there
    except (CryptoBotError, OSError, ValueError):
        return None
    return True
