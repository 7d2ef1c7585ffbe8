"""What passes over the bus, read by a thread of its own, so that a bus that is away delays nobody."""

import contextlib
import threading
import time

from ...configs.errors import CryptoBotError
from ...configs.paths import Home

_EVERY_S = 2.0
_BUSIEST = 3


class BusRates:
    """Counts messages while it is open; `text` is one line for people."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._closed = threading.Event()
        self.text = "Bus: …"
        threading.Thread(target=self._run, name="bus-rates", daemon=True).start()

    def _run(self) -> None:
        from ...bus.blocking import BlockingBus
        from ...bus.contracts.bus import BusStats, GetBusStats
        from .commands.bus_top import Rates

        rates = Rates()
        with contextlib.closing(BlockingBus.open(self._home, "cli")) as bus:
            while not self._closed.wait(_EVERY_S if rates.topics else 0.1):
                try:
                    stats = bus.request("bus", GetBusStats(), BusStats, timeout_s=2.0, tries=1)
                except CryptoBotError:
                    self.text = "Bus: no answer"
                    continue
                first = not rates.topics
                rates.take(stats, time.monotonic())
                if not first:
                    self.text = describe(rates.topics)

    def close(self) -> None:
        """End the thread; it is not waited for."""
        self._closed.set()


def describe(topics: list[dict[str, float | str]]) -> str:
    """Messages and bytes a second, and the busiest topics."""
    messages = sum(float(one["messages_per_s"]) for one in topics)
    size = sum(float(one["bytes_per_s"]) for one in topics)
    busiest = ", ".join(
        f"{one['topic']} {one['messages_per_s']:.1f}"
        for one in topics[:_BUSIEST]
        if float(one["messages_per_s"]) > 0
    )
    text = f"Bus: {messages:.1f} messages/s, {size / 1024:.1f} KiB/s"
    return f"{text}; busiest {busiest}" if busiest else text
