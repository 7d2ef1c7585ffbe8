"""The bus within one process, for tests and single-process tools: the same clients over other links.

hub = MemoryHub()
bus = await hub.open_async("data")
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

from . import frames
from .aio import AsyncBus
from .api import Request
from .blocking import BlockingBus
from .blocking_links import BlockingLink
from .calls import Server
from .contracts.bus import GetSnapshot, Replay, ReplayChunk, Snapshot
from .endpoints import BROKER
from .identity import MemoryIdentities
from .links import Link

_LIMIT = 100_000


class MemoryHub:
    """Joins the clients that are opened on it. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._members: list[_Member] = []
        self._services: dict[str, _Member] = {}
        self._identities = MemoryIdentities()
        self._archive = _MemoryArchive()

    async def open_async(self, name: str) -> AsyncBus:
        """A client with the asyncio face, on the running loop."""
        return AsyncBus(name, _MemoryLink(self), self._identities.of(name), _LIMIT)

    def open_blocking(self, name: str) -> BlockingBus:
        """A client with the blocking face."""
        return BlockingBus(name, _MemoryBlockingLink(self), self._identities.of(name), _LIMIT)

    def join(self, member: "_Member") -> None:
        with self._lock:
            self._members.append(member)

    def leave(self, member: "_Member") -> None:
        with self._lock:
            self._members = [other for other in self._members if other is not member]
            self._services = {name: other for name, other in self._services.items() if other is not member}

    def broadcast(self, frame: bytes) -> None:
        with self._lock:
            self._archive.keep(frame)
            for member in self._members:
                if frame.startswith(tuple(member.prefixes)):
                    member.take_frame(frame)

    def bind(self, service: str, member: "_Member") -> None:
        with self._lock:
            self._services[service] = member

    def call(self, service: str, frame: bytes, answer: Callable[[bytes], None]) -> None:
        """Hand a request to a service; one that is not there never answers."""
        with self._lock:
            member = self._services.get(service)
            if member is None and service == BROKER:
                answer(self._archive.answer(frame))
                return
        if member is not None:
            member.take_request(answer, frame)


class _MemoryArchive:
    """Stands in for the broker's archive: last values, and the events of this hub's lifetime."""

    def __init__(self) -> None:
        self._last: dict[bytes, bytes] = {}
        self._events: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        self._server = Server(BROKER)
        self._server.add(GetSnapshot, self._snapshot)
        self._server.add(Replay, self._replay)

    def keep(self, frame: bytes) -> None:
        envelope = frames.parse(frame)
        if envelope.topic.startswith("bus."):
            return
        self._last[frame[: frame.index(0, frame.index(0) + 1)]] = frame
        if envelope.flags & frames.FLAG_EVENT:
            kept = self._events.setdefault((envelope.source, envelope.topic), [])
            kept.append((envelope.seq, frame))

    def answer(self, frame: bytes) -> bytes:
        """Answer a request to the broker."""
        job = self._server.take(None, frame)
        assert job is not None
        if job.reply is None:
            assert job.handler is not None
            self._server.finish(job, job.handler(job.request))
        assert job.reply is not None
        return job.reply

    def _snapshot(self, request: Request[GetSnapshot]) -> Snapshot:
        wish = request.message
        prefix = wish.prefix.encode()
        found = [frame for frame in self._last.values() if frame.startswith(prefix)]
        return Snapshot(
            frames=[each for each in found if frames.parse(each).schema_id == wish.message_schema]
        )

    def _replay(self, request: Request[Replay]) -> ReplayChunk:
        wish = request.message
        kept = self._events.get((wish.source, wish.topic), [])
        found = [frame for seq, frame in kept if wish.first_seq <= seq <= wish.last_seq]
        recent = [frame for frame in found if frames.parse(frame).ts_ns >= wish.after_ns]
        return ReplayChunk(frames=recent, next_seq=wish.last_seq + 1)


class _Member:
    """What the hub knows of a client: its prefixes, and how it takes frames from any thread."""

    def __init__(
        self, take_frame: Callable[[bytes], None], take_request: Callable[[Any, bytes], None]
    ) -> None:
        self.prefixes: list[bytes] = []
        self.take_frame, self.take_request = take_frame, take_request


class _AtHub:
    """What both faces of a client do at the hub."""

    _hub: MemoryHub
    _member: _Member

    def sender(self) -> Callable[[bytes], object]:
        return self._hub.broadcast

    def offer(self) -> None:
        """Within one process everything is direct."""

    def listen_directly(self, service: str, prefix: bytes) -> None:
        self.listen(prefix)

    def ignore_directly(self, service: str, prefix: bytes) -> None:
        self.ignore(prefix)

    def follow(self) -> None:
        """A hub does not move."""

    def listen(self, prefix: bytes) -> None:
        self._member.prefixes.append(prefix)

    def ignore(self, prefix: bytes) -> None:
        self._member.prefixes.remove(prefix)


class _MemoryLink(_AtHub, Link):
    def listen_beside(self, service: str, prefix: bytes) -> None:
        """Within one process there is one way."""

    def ignore_beside(self, service: str, prefix: bytes) -> None:
        """Within one process there is one way."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._member = _Member(
            lambda frame: self._soon(lambda: self.on_frame(frame)),
            lambda peer, frame: self._soon(lambda: self.on_request(peer, frame)),
        )
        hub.join(self._member)

    def _soon(self, work: Callable[[], None]) -> None:
        if self._open and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._if_open, work)

    def _if_open(self, work: Callable[[], None]) -> None:
        if self._open:
            work()

    def call(self, service: str, frame: bytes) -> None:
        self._hub.call(service, frame, lambda reply: self._soon(lambda: self.on_reply(reply)))

    def bind(self, service: str) -> None:
        self._hub.bind(service, self._member)

    def reply(self, peer: Any, frame: bytes) -> None:
        peer(frame)

    def close(self) -> None:
        self._open = False
        self._hub.leave(self._member)


class _MemoryBlockingLink(_AtHub, BlockingLink):
    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._open = True
        self._member = _Member(
            lambda frame: self._work.put(lambda: self._take(frame)),
            lambda peer, frame: self._work.put(lambda: self.on_request(peer, frame)),
        )
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        hub.join(self._member)

    def start(self) -> None:
        self._thread.start()

    def _take(self, frame: bytes) -> None:
        with self.receiving:
            self.on_frame(frame)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def exchange(self, service: str, frame: bytes, call_id: bytes, wait_s: float) -> bytes | None:
        replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._hub.call(service, frame, replies.put)
        try:
            return replies.get(timeout=wait_s)
        except queue.Empty:
            return None

    def bind(self, service: str) -> None:
        self._hub.bind(service, self._member)

    def reply(self, peer: Any, frame: bytes) -> None:
        peer(frame)

    def close(self) -> None:
        self._hub.leave(self._member)
        self._work.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()
