"""Our client as an adapter of the bus bench harness bench_bus.py.

    python bench_bus.py pubsub --adapters 'zmq;tests/bench/bus/product_adapter.py:ProductBus:path=direct'

Options: face=block|aio  loop=asyncio|uvloop (with face=aio)  path=direct|broker  tr=ipc|tcp  batch=N (with
face=aio).
Payload `tick` is published and received as a typed
message; every other payload as a typed message with one field of bytes.
"""

import asyncio
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Request
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Message, message, request
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import BusSettings, Settings

harness: Any = sys.modules.get("bench_bus") or sys.modules.get("__mp_main__") or sys.modules["__main__"]


@message(0x7F01)
class Tick(Message, frozen=True, kw_only=True, gc=False):
    """The same fields as the harness's tick."""

    exchange: str
    symbol: str
    ts: int
    seq: int
    bid: str
    ask: str
    last: str
    volume: str


@message(0x7F02)
class Blob(Message, frozen=True, kw_only=True, gc=False):
    """Bytes."""

    data: bytes


@request(0x7F03, reply=Blob, permission="")
class Echo(Message, frozen=True, kw_only=True, gc=False):
    """Send it back."""

    data: bytes


def _typed_codec(kind: str) -> tuple[Callable[[int, int], Any], Callable[[Any], tuple[int, int]]]:
    if kind != "tick":
        return _bytes_codec(kind)

    def make(seq: int, ts: int) -> Tick:
        return Tick(
            exchange="binance",
            symbol="BTC/USDT",
            ts=ts,
            seq=seq,
            bid="97123.45",
            ask="97123.46",
            last="97123.45",
            volume="12.345678",
        )

    return make, lambda tick: (tick.seq, tick.ts)


if sys.modules.get("__mp_main__") is harness:  # a child of the harness that runs this adapter
    _bytes_codec = harness.payload_codec
    harness.payload_codec = _typed_codec


class ProductBus(harness.Transport):
    """Opens one client of our bus in each process of the harness."""

    name = "cryptobot"
    caps = frozenset({"pubsub", "request"})
    z = zmq

    def __init__(self, **options: str) -> None:
        super().__init__(**options)
        self.is_async = options.get("face", "block") == "aio"
        self.uvloop = options.get("loop") == "uvloop"
        self.batch = int(options.get("batch", "1"))
        self.direct = options.get("path", "broker") == "direct"
        self.transport = options.get("tr", "ipc")

    def start(self, workdir: str) -> None:
        self.workdir = workdir
        self.home = Home(Path(workdir).absolute() / "home")
        self.home.create()
        snapshot.write(
            self.home, Settings(bus=BusSettings(transport=self.transport, high_water_mark=100_000))
        )
        self.broker = None
        if not self.direct:
            code = (
                "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
                "sys.exit(main(Home.find(sys.argv[1])))"
            )
            self.broker = subprocess.Popen([sys.executable, "-c", code, os.fspath(self.home.root)])
            self.broker_pids = [self.broker.pid]

    def stop(self) -> None:
        if self.broker is not None:
            self.broker.terminate()
            self.broker.wait()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "broker"}

    def publisher(self, node: str = "src") -> Any:
        return _opened(self, node, lambda bus: _Publisher(bus, self.batch))

    def subscriber(self, topics: list[bytes], sources: tuple[str, ...] = ("src",), node: str = "s0") -> Any:
        kind: Any = _AsyncSubscriber if self.is_async else _Waiting if node == "md" else _Subscriber
        return _opened(self, f"{node}-sub", lambda bus: kind(bus, topics, sources if self.direct else ("",)))

    def serve(self, node: str, handler: Callable[[bytes], bytes], should_stop: Callable[[], bool]) -> Any:
        if self.is_async:
            return self._serve_async(node, handler, should_stop)
        bus = BlockingBus.open(self.home, node)
        bus.serve(Echo, lambda wish: _echo(handler, wish))
        while not should_stop():
            threading.Event().wait(0.1)
        return None

    async def _serve_async(
        self, node: str, handler: Callable[[bytes], bytes], should_stop: Callable[[], bool]
    ) -> None:
        bus = await AsyncBus.open(self.home, node)
        bus.serve(Echo, lambda wish: _echo(handler, wish))
        while not should_stop():  # noqa: ASYNC110  the flag is in memory that another process writes
            await asyncio.sleep(0.1)

    def client(self, node: str, server: str = "server") -> Any:
        kind = _AsyncClient if self.is_async else _Client
        return _opened(self, node, lambda bus: kind(bus, server))


def _echo(handler: Callable[[bytes], bytes], wish: Request[Echo]) -> Blob:
    return Blob(data=handler(wish.message.data))


def _opened(adapter: ProductBus, node: str, then: Callable[[Any], Any]) -> Any:
    if not adapter.is_async:
        bus = BlockingBus.open(adapter.home, node)
        return then(_offering(bus, adapter, node))

    async def open_async() -> Any:
        return then(_offering(await AsyncBus.open(adapter.home, node), adapter, node))

    return open_async()


def _offering(bus: Any, adapter: ProductBus, node: str) -> Any:
    if adapter.direct and not node.endswith("-sub"):
        bus.offer_direct()
    return bus


class _Publisher:
    def __init__(self, bus: Any, batch: int) -> None:
        self.bus = bus
        self.options = {"batch": batch} if batch > 1 else {}
        self.topics: dict[bytes, Any] = {}

    def send(self, topic: bytes, payload: Any) -> None:
        found = self.topics.get(topic)
        if found is None:
            found = self.topics[topic] = self._sender(topic.decode(), payload)
        found(payload)

    def _sender(self, topic: str, payload: Any) -> Callable[[Any], object]:
        if isinstance(payload, Tick):
            return self.bus.topic(topic, Tick, **self.options).send  # type: ignore[no-any-return]
        send = self.bus.topic(topic, Blob, **self.options).send
        return lambda data: send(Blob(data=data))

    def flush(self) -> None:
        """Nothing is batched."""

    def close(self) -> None:
        """The process ends."""


class _Subscriber:
    def __init__(self, bus: Any, topics: list[bytes], sources: tuple[str, ...]) -> None:
        self.bus, self.topics, self.sources = bus, topics, sources

    def listen(self, callback: Callable[[Any], bool], done: Callable[[], None]) -> None:
        def on_tick(received: Any) -> None:
            if callback(received.message):
                done()

        def on_blob(received: Any) -> None:
            if callback(received.message.data):
                done()

        for topic in self.topics:
            for source in self.sources:
                self.bus.subscribe(topic.decode(), Tick, on_tick, direct=source)
                self.bus.subscribe(topic.decode(), Blob, on_blob, direct=source)

    def consume(self, callback: Callable[[Any], bool], should_stop: Callable[[], bool]) -> None:
        done = threading.Event()
        self.listen(callback, done.set)
        while not done.wait(0.2):
            if should_stop():
                return

    def close(self) -> None:
        """The process ends."""


class _Waiting(harness.ZSub):  # type: ignore[misc]
    """Acknowledgements, each of which begins the next round of a chain, waited for without looking again.

    So the harness waits for raw pyzmq. For other adapters it looks ten thousand times a second, which makes
    a chain of raw pyzmq a fifth slower as well.
    """

    rcvtimeo = 0

    def __init__(self, bus: Any, topics: list[bytes], sources: tuple[str, ...]) -> None:
        self.s = self
        self._inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        _Subscriber(bus, topics, sources).listen(self._inbox.put, lambda: None)

    def recv_multipart(self, flags: int = 0) -> list[bytes]:
        try:
            return [self._inbox.get(block=not flags, timeout=self.rcvtimeo / 1000.0)]
        except queue.Empty:
            raise zmq.Again from None

    def close(self) -> None:
        """The process ends."""


class _AsyncSubscriber(_Subscriber):
    async def consume(self, callback: Callable[[Any], bool], should_stop: Callable[[], bool]) -> None:  # type: ignore[override]
        done = asyncio.Event()
        self.listen(callback, done.set)
        while not done.is_set() and not should_stop():  # noqa: ASYNC110  as above
            await asyncio.sleep(0.2)


class _Client:
    def __init__(self, bus: Any, server: str) -> None:
        self.bus, self.server = bus, server

    def request(self, payload: bytes, timeout: float = 2.0) -> bytes:
        reply: Blob = self.bus.request(self.server, Echo(data=payload), Blob, timeout_s=timeout)
        return reply.data

    def close(self) -> None:
        """The process ends."""


class _AsyncClient(_Client):
    async def request(self, payload: bytes, timeout: float = 2.0) -> bytes:  # type: ignore[override] # noqa: ASYNC109
        reply: Blob = await self.bus.request(self.server, Echo(data=payload), Blob, timeout_s=timeout)
        return reply.data
