"""Figures beside the harness's: journal, replay, healing, hostile frames, memory."""

import asyncio
import contextlib
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import zmq
from cryptobot.bus import archive, frames, sockets
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.codec import encode
from cryptobot.bus.contracts.market import MarketTrade
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.journal import Journal
from cryptobot.bus.receiving import Incoming, Listener
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import BusSettings, Settings

TRADE = MarketTrade(
    exchange="binance", symbol="BTC/USDT", id="123456789", ts_ms=1_700_000_000_000, side="buy",
    price="97123.45", amount="0.00120000",
)  # fmt: skip
BROKER = (
    "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
    "sys.exit(main(Home.find(sys.argv[1])))"
)

PAUSED = "import cryptobot.bus.journal as j; j.FREE_BYTES = 1 << 62;"
"""With it in front a broker finds its disk full, and does not journal."""
BROKERS: list[int] = []
"""The brokers' process numbers, newest last."""


def home(folder: str, **settings: int) -> Home:
    """A home with settings in force."""
    made = Home(Path(folder) / "home")
    made.create()
    snapshot.write(made, Settings(bus=BusSettings(**settings)))  # type: ignore[arg-type]
    return made


@contextlib.contextmanager
def broker(place: Home, first: str = "") -> Iterator[Home]:
    """A broker of this home in a process of its own, which runs `first` before."""
    process = subprocess.Popen([sys.executable, "-c", first + BROKER, os.fspath(place.root)])
    BROKERS.append(process.pid)
    try:
        yield place
    finally:
        process.terminate()
        process.wait()


def stream_frames(number: int) -> list[bytes]:
    """Frames of ten topics, in turn."""
    heads = [frames.head(f"market.trade.binance.S{n}", "data", 0x0102, 1, 1, 0) for n in range(10)]
    payload = encode(TRADE)
    return [
        heads[n % 10] + frames.VARIABLE.pack(n // 10 + 1, time.time_ns()) + payload for n in range(number)
    ]


def journal_and_replay(number: int = 300_000) -> dict[str, float]:
    """Messages a second of CPU: written by the journal's code, and read back."""
    with tempfile.TemporaryDirectory() as folder:
        place, context = home(folder), sockets.context()
        publisher = context.socket(zmq.PUB)
        publisher.bind("inproc://none")
        journal = Journal(place, BusSettings(), context, "inproc://none")
        data = stream_frames(number)
        began = time.process_time()
        for at in range(0, number, 1024):
            journal._take(data[at : at + 1024])
        append_s = time.process_time() - began
        journal.close()
        publisher.close()
        context.term()
        began = time.process_time()
        count = sum(1 for _ in archive.between(place, 0, 2**63))
        replay_s = time.process_time() - began
        if count != number:
            raise RuntimeError(f"{number} messages were journalled and {count} read back.")
        return {"journal_append_per_s": number / append_s, "journal_replay_per_s": number / replay_s}


def hostile_frames(number: int = 1_000_000) -> dict[str, float]:
    """Random and damaged frames taken without an exception, and how long one takes."""
    chance = random.Random(1)
    refused = [0]
    handled = [0]

    def refuse(frame: bytes, error: Exception) -> None:
        refused[0] += 1

    def handle(received: object) -> None:
        handled[0] += 1

    incoming = Incoming(refuse, lambda flow: None)
    incoming.add(Listener("", MarketTrade, handle))
    good = stream_frames(64)
    began = time.process_time()
    for _ in range(number):
        incoming.feed(_damaged(chance, good))
    elapsed = time.process_time() - began
    return {
        "hostile_frames": number, "hostile_refused": refused[0], "hostile_handled": handled[0],
        "hostile_us_each": elapsed / number * 1e6,
    }  # fmt: skip


def _damaged(chance: random.Random, good: list[bytes]) -> bytes:
    kind = chance.random()
    if kind < 0.2:
        return chance.randbytes(chance.randrange(0, 200))
    frame = bytearray(chance.choice(good))
    for _ in range(chance.randrange(1, 4)):
        frame[chance.randrange(len(frame))] = chance.randrange(256)
    return bytes(frame[: chance.randrange(len(frame))] if kind < 0.5 else frame)


async def _heal(place: Home, number: int) -> float:
    sender, reader = await AsyncBus.open(place, "trade"), await AsyncBus.open(place, "reader")
    alert = Alert(key="k", severity="info", source="s", title="t", detail="d")
    got, first, done = 0, asyncio.Event(), asyncio.Event()

    def handle(received: object) -> None:
        nonlocal got
        got += 1
        first.set()
        if got == number + 2:
            done.set()

    reader.subscribe("alert.", Alert, handle)
    await asyncio.gather(sender.settled(), reader.settled())
    publisher = sender.topic("alert.info", Alert)
    publisher.send(alert)
    await first.wait()
    outgoing = sender._outgoing
    emit, outgoing.emit = outgoing.emit, lambda frame: None
    for _ in range(number):
        publisher.send(alert)
    outgoing.emit = emit
    began = time.perf_counter()
    publisher.send(alert)
    await done.wait()
    elapsed = time.perf_counter() - began
    if reader.counters.lost or got != number + 2:
        raise RuntimeError(f"Healing lost {reader.counters.lost} messages.")
    await sender.close()
    await reader.close()
    return elapsed


def heal(number: int = 18_000) -> dict[str, float]:
    """Seconds from noticing a gap of events to having handled them all."""
    with tempfile.TemporaryDirectory() as folder, broker(home(folder)) as place:
        return {f"heal_{number}_ms": asyncio.run(_heal(place, number)) * 1000.0}


async def _lose_ends(place: Home, rounds: int) -> float:
    sender, reader = await AsyncBus.open(place, "data"), await AsyncBus.open(place, "reader")
    heard = asyncio.Event()
    reader.subscribe("market.", MarketTrade, lambda received: heard.set())
    await asyncio.gather(sender.settled(), reader.settled())
    publisher, outgoing, chance = (
        sender.topic("market.trade.x", MarketTrade),
        sender._outgoing,
        random.Random(1),
    )
    slowest = 0.0
    for _ in range(rounds):
        heard.clear()
        publisher.send(TRADE)
        await heard.wait()
        await asyncio.sleep(chance.random())
        emit, outgoing.emit = outgoing.emit, lambda frame: None
        publisher.send(TRADE)
        outgoing.emit = emit
        began, lost = time.perf_counter(), reader.counters.lost
        while reader.counters.lost == lost:  # noqa: ASYNC110  a counter tells nobody
            await asyncio.sleep(0.001)
        slowest = max(slowest, time.perf_counter() - began)
    await sender.close()
    await reader.close()
    return slowest


def loss_noticed(rounds: int = 10) -> dict[str, float]:
    """How long it takes, at most, to notice that the last message of a stream was lost."""
    with tempfile.TemporaryDirectory() as folder, broker(home(folder)) as place:
        return {"loss_noticed_ms": asyncio.run(_lose_ends(place, rounds)) * 1000.0}


async def _publisher_cpu(place: Home, number: int) -> float:
    bus = await AsyncBus.open(place, "data")
    await bus.settled()
    publisher = bus.topic("market.trade.x", MarketTrade)
    began = time.process_time()
    for n in range(number):
        publisher.send(TRADE)
        if not n % 64:
            await asyncio.sleep(0)
    used = time.process_time() - began
    await bus.close()
    return used / number * 1e6


def publisher_beside_the_journal(number: int = 200_000, rounds: int = 5) -> dict[str, float]:
    """The publisher's CPU a message while the broker journals, against the same with the journal paused."""
    used: dict[str, list[float]] = {"": [], PAUSED: []}
    for _ in range(rounds):
        for first, costs in used.items():
            with tempfile.TemporaryDirectory() as folder, broker(home(folder), first) as place:
                costs.append(asyncio.run(_publisher_cpu(place, number)))
    journalled, paused = (statistics.median(costs) for costs in used.values())
    return {"publisher_us": journalled, "publisher_cpu_ratio": journalled / paused}


def _rss_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


FLOOD = """
import sys, time
from cryptobot.bus.blocking import BlockingBus
from cryptobot.configs.paths import Home
sys.path.insert(0, sys.argv[3])
from inner import TRADE, MarketTrade
bus = BlockingBus.open(Home.find(sys.argv[1]), "data")
bus.settled()
publisher = bus.topic("market.trade.x", MarketTrade)
number = int(sys.argv[2])
for n in range(number):
    publisher.send(TRADE)
    if not n % 1000:
        time.sleep(0.004)
    if n == number // 10:
        print("tenth", flush=True)
print("done", flush=True)
sys.stdin.read()
"""


def memory_of_processes(number: int = 10_000_000) -> dict[str, float]:
    """Growth of publisher, journalling broker and subscriber while so many pass, from the first tenth on."""
    with (
        tempfile.TemporaryDirectory() as folder,
        broker(home(folder, journal_max_bytes=2**26)) as place,
        BlockingBus.open(place, "reader") as reader,
    ):
        return _memory_of_processes(place, reader, number)


def _memory_of_processes(place: Home, reader: BlockingBus, number: int) -> dict[str, float]:
    got = [0]

    def handle(received: object) -> None:
        got[0] += 1

    reader.subscribe("market.", MarketTrade, handle)
    reader.settled()
    words = [sys.executable, "-c", FLOOD, os.fspath(place.root), str(number), str(Path(__file__).parent)]
    flood = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pids = {"publisher": flood.pid, "broker": BROKERS[-1], "subscriber": os.getpid()}
    found = {}
    assert flood.stdout is not None
    for line in flood.stdout:
        sizes = {name: float(_rss_kib(pid)) for name, pid in pids.items()}
        if line.strip() == "tenth":
            found = {f"memory_{name}_growth_kib": -size for name, size in sizes.items()}
        else:
            found = {key: value + sizes[key.split("_")[1]] for key, value in found.items()}
            break
    flood.communicate("")
    return {"memory_received": got[0], "memory_lost": reader.counters.lost, **found}


def memory(number: int = 10_000_000) -> dict[str, float]:
    """Growth of the peak of resident memory while a receiver takes so many messages of ten topics."""
    incoming = Incoming(lambda frame, error: None, lambda flow: None)
    count = [0]

    def handle(received: object) -> None:
        count[0] += 1

    incoming.add(Listener("market.", MarketTrade, handle))
    heads = [frames.head(f"market.trade.binance.S{n}", "data", 0x0102, 1, 1, 0) for n in range(10)]
    payload, pack = encode(TRADE), frames.VARIABLE.pack
    for n in range(number // 10):
        incoming.feed(heads[n % 10] + pack(n // 10 + 1, n) + payload)
    early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for n in range(number // 10, number):
        incoming.feed(heads[n % 10] + pack(n // 10 + 1, n) + payload)
    late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"memory_messages": number, "memory_growth_kib": late - early}
