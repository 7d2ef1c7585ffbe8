"""Watching the bus: every message of a pattern of topics, as plain data. It never slows the bus.

with tail(home, "order.*", where="price > 100") as messages:
    for message in messages:
        print(message["topic"], message["payload"])
"""

import os
import queue
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from ..configs.errors import NotRunningError, ProtocolError
from ..configs.paths import Home
from . import conditions, endpoints, frames, patterns
from .blocking_links import BlockingLink, ZmqBlockingLink
from .calls import CallIds, attempts
from .contracts.bus import GetBusStats
from .probes import PREFIX as PROBES
from .probes import Probes
from .replay import plain, replay

_HWM = 1000
_WAITING = 20_000
_LOOK_S = 0.25
_PATIENCE_S = 5.0


class Tail(Iterator[dict[str, Any]]):
    """Live messages, and before them those of the journal when asked for. Ends with `close`.

    `dropped` counts what this reader was too slow for, `malformed` what could not be read.
    """

    def __init__(self, link: BlockingLink, pattern: str, condition: conditions.Condition | None) -> None:
        self.dropped = 0
        self.malformed = 0
        self._link, self._condition = link, condition
        self._matches = patterns.matcher(pattern)
        self._prefix = patterns.prefix(pattern).encode()
        self._name = f"tail-{os.getpid()}"
        self._probes = Probes(self._name)
        self._settled = threading.Event()
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._next: dict[tuple[str, str, int], int] = {}
        self._past: Iterator[dict[str, Any]] = iter(())
        self._closed = threading.Event()
        link.on_frame, link.on_request, link.receiving = self._take, _refuse, threading.RLock()
        self._send = link.sender()
        link.start()
        link.listen(self._prefix)
        link.listen(self._probes.topic.encode())

    def begin_with(self, past: Iterator[dict[str, Any]]) -> None:
        """Give these first, and of the live messages only what comes behind them."""
        self._past = past

    def _take(self, frame: bytes) -> None:
        if frame.startswith(PROBES.encode()):
            if frame.startswith(self._probes.topic.encode()):
                self._settled.set()
            return
        try:
            for single in frames.singles(frame):
                if self._waiting.qsize() < _WAITING:
                    self._waiting.put(single)
                else:
                    self.dropped += 1
        except ProtocolError:
            self.malformed += 1

    def settle(self, timeout_s: float) -> bool:
        """Wait until every matching message is seen; False when the broker does not answer."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._send(self._probes.frame("tail"))
            if self._settled.wait(0.02):
                return True
        return False

    def let_the_journal_catch_up(self) -> None:
        """Wait until it holds what was sent before this tail was settled; a bus too busy for it is let be."""
        name = frames.name_bytes(self._name)
        plan = attempts(CallIds().next(), name, GetBusStats(limit=0, caught_up=True), _PATIENCE_S, 2)
        for number, wait_s in enumerate(plan.waits_s):
            if self._link.exchange(endpoints.BROKER, plan.frame(number), plan.id, wait_s) is not None:
                return

    def __iter__(self) -> "Tail":
        return self

    def __next__(self) -> dict[str, Any]:
        for message in self._past:
            self._next[_key(message)] = message["seq"] + 1
            return message
        while not self._closed.is_set():
            try:
                frame = self._waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            found = self._read(frame)
            if found is not None:
                return found
        raise StopIteration

    def _read(self, frame: bytes) -> dict[str, Any] | None:
        try:
            message = plain(frame)
        except ProtocolError:
            self.malformed += 1
            return None
        if not self._is_new(message) or not self._matches(message["topic"]):
            return None
        if self._condition is not None and not self._condition(message):
            return None
        return message

    def _is_new(self, message: dict[str, Any]) -> bool:
        expected = self._next.get(_key(message), message["seq"])
        if message["seq"] < expected:
            return False
        self.dropped += message["seq"] - expected
        self._next[_key(message)] = message["seq"] + 1
        return True

    def __enter__(self) -> "Tail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop. From any thread; an iteration elsewhere ends."""
        if not self._closed.is_set():
            self._closed.set()
            self._link.close()


def tail(home: Home, pattern: str = "*", since_s: float | None = None, where: str | None = None) -> Tail:
    """Follow the bus of a home. When this returns, every matching message will be seen.

    Args:
        pattern: a topic, the start of one, or with `*` and `?` a pattern.
        since_s: begin with the journalled messages of so many seconds.
        where: a condition (bus/conditions.py), such as "price > 100".

    Raises:
        NotRunningError: the bus does not answer.
        UsageError: the condition cannot be read.
    """
    condition = None if where is None else conditions.parse(where)
    found = Tail(ZmqBlockingLink(endpoints.of(home), f"tail-{os.getpid()}", _HWM), pattern, condition)
    if not found.settle(5.0):
        found.close()
        raise NotRunningError(
            f"The bus of {home.root} does not answer; start the platform with `cryptobot up`."
        )
    if since_s is not None:
        found.let_the_journal_catch_up()
        found.begin_with(replay(home, pattern, from_ns=time.time_ns() - int(since_s * 1e9), where=where))
    return found


def _key(message: dict[str, Any]) -> tuple[str, str, int]:
    return message["source"], message["topic"], message["epoch"]


def _refuse(peer: Any, frame: bytes) -> None:
    """A tail serves no requests, so none can come."""
