"""cryptobot bus top"""

import sys
import time
from collections import Counter
from typing import Any

import click

from .. import daemon
from ..call import Call, pass_call
from ..group import Command
from ..output import Column, plain_table, print_json, rich_table

COLUMNS = (
    Column("topic"),
    Column("messages/s", right=True),
    Column("seen", right=True),
    Column("from"),
)


class Rates:
    """Counts by topic, and how many came within the last window."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.sources: dict[str, str] = {}
        self._window: Counter[str] = Counter()
        self._rates: dict[str, float] = {}

    def add(self, message: dict[str, Any]) -> None:
        topic = message["topic"]
        self.total[topic] += 1
        self._window[topic] += 1
        self.sources[topic] = message["source"]

    def turn(self, seconds: float) -> None:
        """End a window of so many seconds."""
        self._rates = {topic: count / seconds for topic, count in self._window.items()}
        self._window.clear()

    def rows(self) -> list[list[str]]:
        """Busiest first."""
        ordered = sorted(self.total, key=lambda topic: (-self._rates.get(topic, 0.0), topic))
        return [
            [topic, f"{self._rates.get(topic, 0.0):.1f}", str(self.total[topic]), self.sources[topic]]
            for topic in ordered
        ]

    def as_objects(self) -> list[dict[str, object]]:
        return [
            {"topic": row[0], "per_second": float(row[1]), "seen": int(row[2]), "source": row[3]}
            for row in self.rows()
        ]


@click.command(cls=Command)
@click.argument("pattern", default="*")
@click.option("--interval", "interval_s", default=1.0, show_default=True, help="Seconds of one window.")
@click.option("--once", is_flag=True, help="Print one window and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list a window.")
@pass_call
def command(call: Call, pattern: str, interval_s: float, once: bool, as_json: bool) -> None:
    """Show rates by topic, busiest first, until Ctrl-C. It never slows the bus."""
    daemon.require_running(call.home)
    from ....bus.tail import tail

    with tail(call.home, pattern) as messages:
        rates = Rates()
        _Ticker(rates, interval_s, once, as_json).follow(messages)


class _Ticker:
    def __init__(self, rates: Rates, interval_s: float, once: bool, as_json: bool) -> None:
        self._rates, self._interval_s = rates, max(0.1, interval_s)
        self._once, self._as_json = once, as_json
        self._live = None if as_json or once or not sys.stdout.isatty() else _live()

    def follow(self, messages: Any) -> None:
        """Until Ctrl-C, or after one window."""
        began = time.monotonic()
        try:
            for message in messages:
                self._rates.add(message)
                now = time.monotonic()
                if now - began >= self._interval_s:
                    self._rates.turn(now - began)
                    self._show(messages.dropped)
                    began = now
                    if self._once:
                        return
        except KeyboardInterrupt:
            return
        finally:
            if self._live is not None:
                self._live.stop()

    def _show(self, dropped: int) -> None:
        if self._as_json:
            print_json(self._rates.as_objects())
        elif self._live is not None:
            rows = self._rates.rows()[: max(5, self._live.console.height - 5)]
            self._live.update(rich_table(COLUMNS, rows, f"{dropped} passed unseen"), refresh=True)
        else:
            sys.stdout.write(plain_table(COLUMNS, self._rates.rows()) + "\n")
        sys.stdout.flush()


def _live() -> Any:
    from rich.live import Live

    live = Live(auto_refresh=False, screen=True)
    live.start()
    return live
