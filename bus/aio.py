"""The asyncio face of the bus.

    bus = await AsyncBus.open(home, "data")
    bus.subscribe(topics.CANDLES, Candle, on_candle)
    await bus.settled()

Opening connects in the background: broker and services may come later, go and come back.
"""

import asyncio
import contextlib
import inspect
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Any, TypeVar

from ..configs.errors import BusError, BusTimeoutError, CryptoBotError
from ..configs.paths import Home
from . import endpoints, frames
from .answers import failure, timed_out
from .api import AsyncBusApi, Handler, MessageId, Publisher, Received, RequestHandler, Subscription
from .calls import CallIds, Job, Server, attempts, read_reply
from .contracts.base import Delivery, Message
from .contracts.bus import Probe, Replay, ReplayChunk, Snapshot
from .deadletters import DeadLetters
from .durable import LagGuard, listener, record
from .endpoints import BROKER
from .flows import Counters, Flow
from .group import Group
from .healing import Patience, replay_wish, wish_after
from .identity import ClientIdentity, HomeIdentity, RecordedPositions
from .lastvalues import LastValues
from .links import Link, ZmqLink
from .probes import Probes
from .publishing import BEAT_INTERVAL_S, BEATS, Outgoing
from .receiving import Incoming, Listener
from .relay import offer_outbox

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
_log = logging.getLogger("cryptobot.bus")
_FIRST_PROBE_S = 0.005
_SLOWEST_PROBE_S = 0.2


class _AsyncSubscription(Subscription):
    """Calls one handler; what an async handler has not yet got to waits here, in order."""

    def __init__(self, bus: "AsyncBus", handler: Handler[Any], schema: type[Message], limit: int) -> None:
        self._bus, self._handler = bus, handler
        self._limit = limit if schema.DELIVERY is Delivery.STREAM else 0
        self._waiting: deque[tuple[Received[Any], Awaitable[None]]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.listener: Listener | None = None
        self.direct = self.shortcut = ""
        self.positions: RecordedPositions | None = None

    def deliver(self, received: Received[Any]) -> None:
        """Handle a message now, or queue it. The hottest code of a receiver."""
        try:
            result = self._handler(received)
        except Exception as error:
            self._bus.dead_letters.handler_failed(received, error)
            return
        if result is not None:
            self._queue(received, result)

    def deliver_durably(self, received: Received[Any]) -> None:
        """As `deliver`, with the position recorded when the message is handled."""
        assert self.positions is not None
        if received.ts_ns < self.positions.since_ns:
            return
        try:
            result = self._handler(received)
        except Exception as error:
            self._bus.dead_letters.handler_failed(received, error)
            result = None
        if result is None:
            record(self.positions, received)
        else:
            self._queue(received, result)

    def _queue(self, received: Received[Any], result: Awaitable[None]) -> None:
        if self._limit and len(self._waiting) >= self._limit:
            _discard(result)
            self._bus.counters.dropped += 1
            return
        self._waiting.append((received, result))
        if self._worker is None:
            self._worker = self._bus.start(self._work())

    async def _work(self) -> None:
        while self._waiting:
            received, result = self._waiting.popleft()
            try:
                await result
            except Exception as error:
                self._bus.dead_letters.handler_failed(received, error)
            record(self.positions, received)
        self._worker = None

    def close(self) -> None:
        if self.listener is None:
            return
        self._bus.forget(self.listener, self.direct, self.shortcut)
        self.listener = None
        while self._waiting:
            _discard(self._waiting.popleft()[1])
        if self.positions is not None:
            self.positions.close()
            self.positions = None


def _discard(result: Awaitable[None]) -> None:
    if inspect.iscoroutine(result):
        result.close()


class AsyncBus(AsyncBusApi):
    """One client of the bus on the running loop. Made by `open` or `MemoryHub.open_async`."""

    @classmethod
    async def open(cls, home: Home, name: str, group: Group | None = None) -> "AsyncBus":
        """Connect as `name` to the bus of `home`. Returns at once, whether or not the broker is up.

        Args:
            group: the services that share this process (bus/group.py).
        """
        settings, places = endpoints.bus_settings(home), endpoints.of(home)
        link = ZmqLink(places, name, settings.high_water_mark, group)
        bus = cls(name, link, HomeIdentity(home, name), settings.high_water_mark)
        offer_outbox(bus, home, places)
        return bus

    def __init__(self, name: str, link: Link, identity: ClientIdentity, high_water_mark: int) -> None:
        self.name = name
        self._loop = asyncio.get_running_loop()
        self._link, self._identity, self._limit = link, identity, high_water_mark
        self._send = link.sender()
        self._outgoing = Outgoing(name, identity, high_water_mark, self._loop.call_soon)
        self.dead_letters = DeadLetters(name, self._outgoing)
        self._incoming = Incoming(self.dead_letters.unreadable, self._on_missing)
        self._server = Server(name)
        self._ids = CallIds()
        self._source = frames.name_bytes(name)
        self._pending: dict[bytes, asyncio.Future[tuple[bytes, frames.Call]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._hears_beats = False
        link.on_frame, link.on_reply, link.on_request = self._incoming.feed, self._on_reply, self._on_request
        self._probes = Probes(name)
        self._probed: dict[str, asyncio.Event] = {}
        self._incoming.add(Listener(self._probes.topic, Probe, self._on_probe))
        link.listen(self._probes.topic.encode())
        self.start(self._reach())

    @property
    def counters(self) -> Counters:
        """What was received, lost and dropped since the client was opened."""
        return self._incoming.counters

    # -- publishing

    def topic(self, topic: str, schema: type[M], *, batch: int = 1) -> Publisher[M]:
        return self._outgoing.publisher(topic, schema, batch)

    def publish(self, topic: str, message: Message, *, correlation_id: str = "") -> MessageId:
        return self._outgoing.publisher(topic, type(message)).send(message, correlation_id=correlation_id)

    def offer_direct(self) -> None:
        self._link.offer()
        self._outgoing.reached(self._link.sender())

    # -- subscribing

    def subscribe(
        self,
        prefix: str,
        schema: type[M],
        handler: Handler[M],
        *,
        last_value: bool = False,
        durable: str = "",
        heal: bool | None = None,
        direct: str = "",
        shortcut: str = "",
        max_lag_s: float = 0.0,
    ) -> Subscription:
        made = _AsyncSubscription(self, handler, schema, self._limit)
        made.direct = direct
        deliver = made.deliver_durably if durable else made.deliver
        guard = LagGuard(prefix, max_lag_s, self.counters) if max_lag_s else None
        made.listener, made.positions = listener(
            self._identity, prefix, schema, deliver, durable, heal, guard
        )
        made.listener.doubled, made.shortcut = bool(shortcut), shortcut
        self._incoming.add(made.listener)
        if shortcut:
            self._link.listen_beside(shortcut, prefix.encode())
        if direct:
            self._link.listen_directly(direct, prefix.encode())
        else:
            self._link.listen(prefix.encode())
        if not self._hears_beats:
            self._hears_beats = True
            self._link.listen(BEATS.encode())
        if last_value:
            self.start(self._fetch_last_values(LastValues(made.listener)))
        return made

    def forget(self, listener: Listener, direct: str, shortcut: str) -> None:
        """End a subscription; called by its `close`."""
        if not self._incoming.remove(listener) or self._closed:
            return
        if shortcut:
            self._link.ignore_beside(shortcut, listener.prefix.encode())
        if direct:
            self._link.ignore_directly(direct, listener.prefix.encode())
        else:
            self._link.ignore(listener.prefix.encode())

    async def _fetch_last_values(self, wanted: LastValues) -> None:
        await self._probe(None)
        found: list[bytes] = []
        try:
            found = (await self.request(BROKER, wanted.wish, Snapshot)).frames
        except BusError as error:
            _log.warning("%s starts without last values: %s", self.name, error)
        self.counters.malformed += wanted.finish(found)

    # -- healing

    def _on_missing(self, flow: Flow) -> None:
        if not flow.healing:
            flow.healing = True
            self.start(self._heal(flow))

    async def _heal(self, flow: Flow) -> None:
        patience = Patience()
        ahead: asyncio.Task[ReplayChunk | None] | None = None
        try:
            while flow.missing() and self._incoming.knows(flow):
                chunk = await (ahead or self._replayed(replay_wish(flow)))
                ahead = await self._asked_ahead(flow, chunk)
                if not self._incoming.refill(flow, chunk, patience):
                    await asyncio.sleep(patience.pause_s)
        finally:
            flow.healing = False
            if ahead is not None:
                ahead.cancel()

    async def _replayed(self, wish: Replay) -> ReplayChunk | None:
        with contextlib.suppress(BusError):
            return await self.request(BROKER, wish, ReplayChunk, timeout_s=2.0)
        return None

    async def _asked_ahead(
        self, flow: Flow, chunk: ReplayChunk | None
    ) -> "asyncio.Task[ReplayChunk | None] | None":
        """The question for what follows a chunk, sent before that chunk keeps us busy."""
        if chunk is None or not chunk.frames or chunk.next_seq > flow.known:
            return None
        wish = wish_after(replay_wish(flow), chunk)
        task = asyncio.get_running_loop().create_task(self._replayed(wish))
        await asyncio.sleep(0)
        return task

    # -- life of the connection

    async def _reach(self) -> None:
        await self._probe(None)
        while not self._closed:
            beat = self._outgoing.beat(self.counters.troubles())
            if beat is not None:
                self._send(beat)
            self._link.follow()
            await asyncio.sleep(BEAT_INTERVAL_S)

    async def settled(self, timeout_s: float = 10.0) -> None:
        await self._probe(timeout_s)

    async def _probe(self, timeout_s: float | None) -> None:
        token = self._probes.token()
        back = self._probed[token] = asyncio.Event()
        pause = _FIRST_PROBE_S
        try:
            async with asyncio.timeout(timeout_s):
                while not back.is_set():
                    self._link.follow()
                    self._send(self._probes.frame(token))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await back.wait()
                    pause = min(pause * 2, _SLOWEST_PROBE_S)
        except TimeoutError:
            raise BusTimeoutError(
                f"The bus did not answer {self.name} within {timeout_s} s; is the platform up?"
            ) from None
        finally:
            del self._probed[token]

    def _on_probe(self, received: Received[Probe]) -> None:
        self._outgoing.reached(self._link.sender())
        waiting = self._probed.get(received.message.token)
        if waiting is not None:
            waiting.set()

    # -- requests

    async def request(
        self, service: str, message: Message, reply: type[R], *, timeout_s: float = 5.0, tries: int = 4
    ) -> R:
        plan = attempts(self._ids.next(), self._source, message, timeout_s, tries)
        answer: asyncio.Future[tuple[bytes, frames.Call]] = self._loop.create_future()
        self._pending[plan.id] = answer
        try:
            for number, wait_s in enumerate(plan.waits_s):
                self._link.call(service, plan.frame(number))
                timer = self._loop.call_later(wait_s, _give_up, answer)
                try:
                    frame, call = await answer
                except TimeoutError:
                    answer = self._pending[plan.id] = self._loop.create_future()
                    continue
                finally:
                    timer.cancel()
                return read_reply(frame, call, reply)
        except asyncio.CancelledError:
            self._link.call(service, plan.cancellation())
            raise
        finally:
            del self._pending[plan.id]
        raise timed_out(service, message, plan)

    def _on_reply(self, frame: bytes) -> None:
        try:
            call = frames.parse_call(frame)
        except CryptoBotError:
            self.counters.malformed += 1
            return
        waiting = self._pending.get(call.id)
        if waiting is not None and not waiting.done():
            waiting.set_result((frame, call))

    def facts(self) -> dict[str, str]:
        answered = ",".join(self._server.names())
        return {"X_EPOCH": str(self._outgoing.epoch), "X_SCHEMAS": answered}

    def serve(self, schema: type[M], handler: RequestHandler[M], *, cancellable: bool = False) -> None:
        self._server.add(schema, handler, cancellable)
        self._link.bind(self.name)

    def _on_request(self, peer: Any, frame: bytes) -> None:
        job = self._server.take(peer, frame)
        if job is None:
            return
        if job.reply is not None:
            self._link.reply(job.peer, job.reply)
            return
        assert job.handler is not None
        try:
            result = job.handler(job.request)
        except Exception as error:
            self._answer(job, failure(self.name, job.request, error))
            return
        if isinstance(result, Message):
            self._answer(job, result)
        else:
            job.work = self.start(self._finish(job, result))

    async def _finish(self, job: Job, result: Awaitable[Message]) -> None:
        try:
            answer = await result
        except Exception as error:
            answer = failure(self.name, job.request, error)
        self._answer(job, answer)

    def _answer(self, job: Job, message: Message) -> None:
        self._link.reply(job.peer, self._server.finish(job, message))

    # -- life

    def start(self, work: Any) -> asyncio.Task[Any]:
        """Run a task of the bus until it ends or the bus is closed."""
        task = self._loop.create_task(work, name=f"bus:{self.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._cancel_tasks()
        self._outgoing.flush()
        self._outgoing.close()
        self._link.close()

    async def _cancel_tasks(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(BusError(f"The bus of {self.name} was closed."))


def _give_up(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
