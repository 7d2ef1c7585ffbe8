"""The journal: an ordinary subscriber in the broker's process that writes down all that passes.

It counts what passes on each topic and keeps the last frame of each, for `bus top` and for late joiners. A
nearly full disk pauses it, so that orders, which are in their publishers' outboxes, find room for longer.
"""

import logging
import shutil
import threading
import time
import zlib
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import zmq

from ..configs.errors import ProtocolError
from ..configs.paths import Home
from ..configs.schema import BusSettings
from . import frames, segments, sockets
from .contracts.bus import BusStats, TopicStats

SEGMENT_BYTES = 16 * 1024 * 1024
FREE_BYTES = 256 * 1024 * 1024
"""Less free space than this pauses the journal."""
_HWM = 200_000
_RUN = 1024
_MAX_TOPICS = 50_000
_CHECK_INTERVAL_S = 1.0
_POLL_MS = 200
_INTERNAL = b"bus."
_log = logging.getLogger("cryptobot.bus")
_NOBLOCK = int(zmq.NOBLOCK)


@dataclass(eq=False, slots=True)
class _Seen:
    """What passed on one topic of one source."""

    frame: bytes
    messages: int = 0
    bytes: int = 0


class Journal:
    """Reads `socket` on a thread of its own until `close`."""

    def __init__(self, home: Home, settings: BusSettings, owner: sockets.Context, address: str) -> None:
        self._folder = folder(home)
        self._settings = settings
        self._socket = sockets.subscriber(owner, _HWM)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.connect(address)
        self._started = time.monotonic()
        self._seen: dict[bytes, _Seen] = {}
        self._segment: segments.Segment | None = None
        self._stopping = False
        self._trouble = ""
        self._waiting: deque[threading.Event] = deque()
        self.paused = False
        self.lost = 0
        self._bytes = sum(path.stat().st_size for path in segments.paths(self._folder))
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # -- the journal's own thread

    def _run(self) -> None:
        due = 0.0
        try:
            while not self._stopping:
                if self._socket.poll(_POLL_MS) or self._waiting:
                    self._catch_up()
                if time.monotonic() >= due:
                    due = time.monotonic() + _CHECK_INTERVAL_S
                    self._try_to_look_after()
            self._take(self._drain())
        except zmq.ContextTerminated:
            return
        finally:
            self._socket.close()
            if self._segment is not None:
                self._segment.close()

    def _catch_up(self) -> None:
        asked = len(self._waiting)
        batch = self._drain()
        self._take(batch)
        if len(batch) < _RUN:
            for _ in range(asked):
                self._waiting.popleft().set()

    def _drain(self) -> list[bytes]:
        receive, found = self._socket.recv, []
        try:
            for _ in range(_RUN):
                found.append(receive(_NOBLOCK))
        except zmq.Again:
            pass
        return found

    def _take(self, batch: list[bytes]) -> None:
        if not batch:
            return
        written: list[bytes] = []
        pack, crc32, seen = segments.HEADER.pack, zlib.crc32, self._seen
        for frame in batch:
            if frame.startswith(_INTERNAL):
                continue
            written.append(pack(len(frame), crc32(frame)))
            written.append(frame)
            key = frame[: frame.find(b"\0", frame.find(b"\0") + 1)]
            entry = seen.get(key)
            if entry is None:
                entry = self._remember(key, frame)
            entry.frame = frame
            flags = frame[len(key) + 3 : len(key) + 4]
            entry.messages += _count(frame) if flags and flags[0] & frames.FLAG_BATCH else 1
            entry.bytes += len(frame)
        if not written:
            return
        if self.paused:
            self.lost += len(written) // 2
        else:
            self._write(b"".join(written), len(written) // 2)

    def _remember(self, key: bytes, frame: bytes) -> _Seen:
        if len(self._seen) >= _MAX_TOPICS:
            self._seen.pop(next(iter(self._seen)))
        entry = self._seen[key] = _Seen(frame)
        return entry

    def _write(self, data: bytes, number: int) -> None:
        try:
            if self._segment is None or self._segment.size >= SEGMENT_BYTES:
                self._roll()
            assert self._segment is not None
            self._segment.append(data)
            self._bytes += len(data)
        except OSError as error:
            self.lost += number
            self.paused = True
            _log.error("the journal cannot be written: %s; it is paused", error)

    def _roll(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._segment = segments.Segment(self._folder / f"{time.time_ns():020d}{segments.SUFFIX}")
        self._bytes += self._segment.size

    def _try_to_look_after(self) -> None:
        try:
            self._look_after()
        except OSError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.warning("the journal's folder cannot be looked after: %s", error)

    def _look_after(self) -> None:
        """Sync, mind the disk, and remove what is too old or too much."""
        if self._segment is not None:
            self._segment.sync()
        paused = shutil.disk_usage(self._folder.parent).free < FREE_BYTES
        if paused != self.paused:
            self.paused = paused
            _log.warning("the journal is %s", "paused: the disk is nearly full" if paused else "on again")
        oldest_ns = time.time_ns() - int(self._settings.journal_max_age_s * 1e9)
        existing = segments.paths(self._folder)
        for path, successor in pairwise(existing):
            if self._bytes <= self._settings.journal_max_bytes and int(successor.stem) >= oldest_ns:
                return
            self._bytes -= path.stat().st_size
            path.unlink(missing_ok=True)

    # -- for the broker's requests, from its thread

    def catch_up(self, timeout_s: float) -> bool:
        """Wait until all that had reached the journal's socket is written; False when it was not in time."""
        done = threading.Event()
        self._waiting.append(done)
        return done.wait(timeout_s)

    def snapshot(self, prefix: bytes) -> list[bytes]:
        """The last frame of each topic and source that starts with a prefix."""
        return [entry.frame for key, entry in list(self._seen.items()) if key.startswith(prefix)]

    def stats(self, limit: int, clients: dict[str, dict[str, int]], refused: dict[str, int]) -> BusStats:
        """What passed since the start, busiest topic first, with the clients' own and the gate's counters."""
        topics: dict[str, TopicStats] = {}
        for key, entry in list(self._seen.items()):
            topic = key[: key.index(0)].decode(errors="replace")
            old = topics.get(topic)
            topics[topic] = TopicStats(
                topic=topic,
                messages=entry.messages + (old.messages if old else 0),
                bytes=entry.bytes + (old.bytes if old else 0),
                last_ns=max(_sent_ns(entry.frame, len(key)), old.last_ns if old else 0),
            )
        busiest = sorted(topics.values(), key=lambda each: (-each.messages, each.topic))
        return BusStats(
            uptime_s=time.monotonic() - self._started,
            messages=sum(each.messages for each in busiest),
            bytes=sum(each.bytes for each in busiest),
            journal_bytes=self._bytes,
            journal_lost=self.lost,
            journal_paused=self.paused,
            topics=busiest[:limit],
            clients={name: told for name, told in clients.items() if told},
            refused=refused,
        )

    def close(self) -> None:
        """Write what has arrived, and end the thread."""
        self._stopping = True
        self._thread.join()


def _count(frame: bytes) -> int:
    try:
        return sum(1 for _ in frames.singles(frame))
    except ProtocolError:
        return 1


def folder(home: Home) -> Path:
    """Where the journal of a home lives."""
    found = home.journal / "stream"
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def _sent_ns(frame: bytes, key_length: int) -> int:
    return int.from_bytes(frame[key_length + 21 : key_length + 29], "little")
