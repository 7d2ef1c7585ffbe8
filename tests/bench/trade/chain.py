"""The floor of the money path: three raw sockets one after another, at the pace of the real candles.

A process publishes a candle, a second one answers it with an order, a third one writes the order to a TCP
connection. Nothing is checked, kept or signed. With `journal` the third one first appends the order to a file
and waits for the disk, which nobody may leave out who must not lose an order.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import zmq

WARM = 5
CANDLE = {
    "exchange": "paper", "symbol": "BTC/USDT", "timeframe": "1s", "open_ms": 1_700_000_000_000, "open": "1.0",
    "high": "1.0", "low": "1.0", "close": "1.0", "volume": "1.0", "closed": True,
}  # fmt: skip
BODY = b"POST /api/v3/order HTTP/1.1\r\nHost: localhost\r\n" + b"x" * 400


def strategy(folder: str) -> None:
    """Second process: each candle becomes an order."""
    context = zmq.Context()
    candles, orders = context.socket(zmq.SUB), context.socket(zmq.DEALER)
    candles.connect(f"ipc://{folder}/candles")
    candles.subscribe(b"")
    orders.connect(f"ipc://{folder}/orders")
    while True:
        candle = msgspec.msgpack.decode(candles.recv())
        orders.send(msgspec.msgpack.encode({"at": candle["at"], "side": "buy", "price": candle["close"]}))


def trade(folder: str, port: int, journal: bool) -> None:
    """Third process: each order goes out."""
    context = zmq.Context()
    orders = context.socket(zmq.ROUTER)
    orders.bind(f"ipc://{folder}/orders")
    wire = socket.create_connection(("127.0.0.1", port))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with Path(folder, "journal").open("wb", buffering=0) as book:
        while True:
            order = orders.recv_multipart()[-1]
            if journal:
                book.write(order)
                os.fdatasync(book.fileno())
            wire.sendall(BODY)


def measure(folder: Path, count: int, gap_s: float, *, journal: bool) -> float:
    """Milliseconds from a candle's publication to the order out of the exchange's socket, p50."""
    folder.mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    context = zmq.Context()
    candles = context.socket(zmq.PUB)
    candles.bind(f"ipc://{folder}/candles")
    command = [sys.executable, __file__]
    children = [
        subprocess.Popen([*command, "trade", str(folder), str(port), "journal" if journal else ""]),
        subprocess.Popen([*command, "strategy", str(folder)]),
    ]
    try:
        wire, _ = listener.accept()
        wire.settimeout(5)
        while not _span(candles, wire):
            pass
        spans = []
        for _ in range(count + WARM):
            time.sleep(gap_s)
            spans.append(_span(candles, wire))
    finally:
        for child in children:
            child.kill()
            child.wait()
        context.destroy(linger=0)
        listener.close()
    return statistics.median(spans[-count:])


def _span(candles: zmq.Socket[bytes], wire: socket.socket) -> float:
    """Milliseconds of one round; 0 when nothing came."""
    wire.settimeout(0.5)
    began = time.time_ns()
    candles.send(msgspec.msgpack.encode(CANDLE | {"at": began}))
    try:
        wire.recv(65536)
    except TimeoutError:
        return 0.0
    return (time.time_ns() - began) / 1e6


if __name__ == "__main__":
    if sys.argv[1] == "strategy":
        strategy(sys.argv[2])
    else:
        trade(sys.argv[2], int(sys.argv[3]), bool(sys.argv[4]))
