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
from . import codec, conditions, endpoints, frames, patterns
from .blocking_links import BlockingLink, ZmqBlockingLink
from .probes import PREFIX as PROBES
from .probes import Probes

_HWM = 1000
_WAITING = 20_000
_LOOK_S = 0.25


def plain(frame: bytes) -> dict[str, Any]:
    """A published frame as data: topic, source, epoch, seq, ts_ns, correlation_id, schema_id, payload.

    Raises:
        ProtocolError: it is not a frame of this protocol.
    """
    envelope = frames.parse(frame)
    return {
        "topic": envelope.topic,
        "source": envelope.source,
        "epoch": envelope.epoch,
        "seq": envelope.seq,
        "ts_ns": envelope.ts_ns,
        "correlation_id": envelope.correlation_id,
        "schema_id": envelope.schema_id,
        "payload": codec.decode_plain(frame[envelope.payload_at :]),
    }


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
        self._probes = Probes(f"tail-{os.getpid()}")
        self._settled = threading.Event()
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._next: dict[bytes, int] = {}
        self._closed = threading.Event()
        link.on_frame, link.on_request = self._take, _refuse
        link.start()
        link.listen(self._prefix)
        link.listen(self._probes.topic.encode())

    def _take(self, frame: bytes) -> None:
        if frame.startswith(PROBES.encode()):
            if frame.startswith(self._probes.topic.encode()):
                self._settled.set()
            return
        if self._waiting.qsize() >= _WAITING:
            self.dropped += 1
            return
        self._waiting.put(frame)

    def settle(self, timeout_s: float) -> bool:
        """Wait until every matching message is seen; False when the broker does not answer."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._link.publish(self._probes.frame("tail"))
            if self._settled.wait(0.02):
                return True
        return False

    def __iter__(self) -> "Tail":
        return self

    def __next__(self) -> dict[str, Any]:
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
        self._watch_gap(frame, message)
        if not self._matches(message["topic"]):
            return None
        if self._condition is not None and not self._condition(message):
            return None
        return message

    def _watch_gap(self, frame: bytes, message: dict[str, Any]) -> None:
        key = f"{message['source']} {message['topic']} {message['epoch']}".encode()
        expected = self._next.get(key, message["seq"])
        self.dropped += max(0, message["seq"] - expected)
        self._next[key] = message["seq"] + 1

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
    found = Tail(ZmqBlockingLink(endpoints.of(home), _HWM), pattern, condition)
    if not found.settle(5.0):
        found.close()
        raise NotRunningError(
            f"The bus of {home.root} does not answer; start the platform with `cryptobot up`."
        )
    return found


def _refuse(peer: Any, frame: bytes) -> None:
    """A tail serves no requests, so none can come."""
