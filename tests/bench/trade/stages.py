"""Runs one service with a clock at the stations of an order: python stages.py HOME SERVICE NOTES

Each station is a line in NOTES: its name and the time in nanoseconds.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

STATIONS = ("candle at the strategy", "wish sent", "wish at trade", "journalled", "on disk", "request begun")


def main(home: str, name: str, notes: str) -> int:
    """Run the service until it ends."""
    file = os.open(notes, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def note(station: str) -> None:
        os.write(file, f"{time.time_ns()} {station}\n".encode())

    (_strategy if name == "strategy" else _trade)(note)
    from cryptobot.configs.paths import Home

    return int(importlib.import_module(f"cryptobot.services.{name}.service").main(Home.find(home)))


def _strategy(note: Callable[[str], None]) -> None:
    from cryptobot.bus.links import ZmqLink
    from cryptobot.services.strategy.runner import Runner

    take, call = Runner.take, ZmqLink.call

    def timed_take(self: Any, *given: Any) -> None:
        note(STATIONS[0])
        take(self, *given)

    def timed_call(self: Any, service: str, frame: bytes) -> None:
        call(self, service, frame)
        note(STATIONS[1])

    Runner.take, ZmqLink.call = timed_take, timed_call  # type: ignore[method-assign]


def _trade(note: Callable[[str], None]) -> None:
    from cryptobot.services.connectors.paper import PaperVenue
    from cryptobot.services.trade.batch import Batch
    from cryptobot.services.trade.execution import Execution

    place, flush, submit = Execution.place, Batch.flush, PaperVenue.create_order

    def timed_place(self: Any, *given: Any) -> Any:
        note(STATIONS[2])
        reply = place(self, *given)
        note(STATIONS[3])
        return reply

    def timed_flush(self: Any) -> None:
        flush(self)
        note(STATIONS[4])

    async def timed_submit(self: Any, *given: Any) -> Any:
        note(STATIONS[5])
        return await submit(self, *given)

    Execution.place, Batch.flush = timed_place, timed_flush  # type: ignore[method-assign]
    PaperVenue.create_order = timed_submit  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
