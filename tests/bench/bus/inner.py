"""Figures beside the harness's: journal, replay, healing, hostile frames, memory."""

import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq
from cryptobot.bus import archive, frames, sockets
from cryptobot.bus.aio import AsyncBus
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


def home(folder: str, **settings: int) -> Home:
    """A home with settings in force."""
    made = Home(Path(folder) / "home")
    made.create()
    snapshot.write(made, Settings(bus=BusSettings(**settings)))  # type: ignore[arg-type]
    return made


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
    with tempfile.TemporaryDirectory() as folder:
        place = home(folder)
        broker = subprocess.Popen([sys.executable, "-c", BROKER, os.fspath(place.root)])
        try:
            return {f"heal_{number}_ms": asyncio.run(_heal(place, number)) * 1000.0}
        finally:
            broker.terminate()
            broker.wait()


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
