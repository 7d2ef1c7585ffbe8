"""cryptobot bus top"""

import sys
import time
from typing import Any

import click

from ....bus.api import BlockingBusApi
from ....bus.contracts.bus import BusStats, GetBusStats, TopicStats
from ..ask import ask_over, open_bus
from ..call import Call, pass_call
from ..group import Command
from ..output import Column, plain_table, print_json, rich_table, size

COLUMNS = (
    Column("topic"),
    Column("messages/s", right=True),
    Column("bytes/s", right=True),
    Column("messages", right=True),
    Column("bytes", right=True),
)

TROUBLES = ("lost", "dropped", "late", "malformed", "duplicates", "healed")
"""What a client counts: gaps that stayed, full queues, too old, unreadable, seen before, fetched again."""
CLIENT_COLUMNS = (Column("client"), *(Column(what, right=True) for what in (*TROUBLES, "refused")))


class Rates:
    """Rates by topic, from two readings of the broker's counters."""

    def __init__(self) -> None:
        self._before: dict[str, TopicStats] = {}
        self._at = 0.0
        self.topics: list[dict[str, Any]] = []

    def take(self, stats: BusStats, now: float) -> None:
        """A new reading, at `now` seconds; busiest first."""
        seconds = now - self._at if self._at else stats.uptime_s
        self.topics = [self._rate(topic, max(seconds, 0.001)) for topic in stats.topics]
        self.topics.sort(key=lambda one: (-one["messages_per_s"], one["topic"]))
        self._before, self._at = {topic.topic: topic for topic in stats.topics}, now

    def _rate(self, topic: TopicStats, seconds: float) -> dict[str, Any]:
        known = self._before.get(topic.topic)
        messages = topic.messages - (known.messages if known else 0)
        size_bytes = topic.bytes - (known.bytes if known else 0)
        return {
            "topic": topic.topic,
            "messages_per_s": round(messages / seconds, 2),
            "bytes_per_s": round(size_bytes / seconds, 1),
            "messages": topic.messages,
            "bytes": topic.bytes,
        }


@click.command(cls=Command)
@click.option(
    "--interval", "interval_s", default=1.0, show_default=True, help="Seconds between two readings."
)
@click.option("--once", is_flag=True, help="Print one table and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a reading.")
@pass_call
def command(call: Call, interval_s: float, once: bool, as_json: bool) -> None:
    """Show rates by topic, busiest first, as the broker counts them, until Ctrl-C.

    Below them the clients that lost messages (gaps, full queues, too old, unreadable) or were refused some.
    """
    rates = Rates()
    with open_bus(call) as bus:
        live = None if as_json or once or not sys.stdout.isatty() else _live()
        try:
            _read(bus, rates)
            while True:
                time.sleep(max(0.1, interval_s))
                stats = _read(bus, rates)
                _show(stats, rates, live, as_json)
                if once:
                    return
        except KeyboardInterrupt:
            return
        finally:
            if live is not None:
                live.stop()


def _read(bus: BlockingBusApi, rates: Rates) -> BusStats:
    stats = ask_over(bus, "bus", GetBusStats(), BusStats)
    rates.take(stats, time.monotonic())
    return stats


def _show(stats: BusStats, rates: Rates, live: Any, as_json: bool) -> None:
    if as_json:
        told = {"messages": stats.messages, "journal_bytes": stats.journal_bytes, "lost": stats.journal_lost}
        print_json({**told, "topics": rates.topics, "clients": stats.clients, "refused": stats.refused})
        sys.stdout.flush()
        return
    rows = [
        [
            one["topic"],
            f"{one['messages_per_s']:.1f}",
            size(one["bytes_per_s"]),
            str(one["messages"]),
            size(one["bytes"]),
        ]
        for one in rates.topics
    ]
    clients = client_rows(stats)
    if live is None:
        sys.stdout.write(plain_table(COLUMNS, rows) + "\n")
        if clients:
            sys.stdout.write("\n" + plain_table(CLIENT_COLUMNS, clients) + "\n")
        sys.stdout.flush()
        return
    title = (
        f"{stats.messages} messages, journal {size(stats.journal_bytes)}, {stats.journal_lost} not journalled"
    )
    room = live.console.height - 5 - (len(clients) + 4 if clients else 0)
    tables = [rich_table(COLUMNS, rows[: max(5, room)], title)]
    if clients:
        tables.append(rich_table(CLIENT_COLUMNS, clients, "what readers lost or could not take"))
    live.update(_below_each_other(tables), refresh=True)


def client_rows(stats: BusStats) -> list[list[str]]:
    """Each client that lost or refused something, or was refused, and how much."""
    names = sorted({*stats.clients, *stats.refused})
    return [
        [
            name,
            *(str(stats.clients.get(name, {}).get(what, 0)) for what in TROUBLES),
            str(stats.refused.get(name, 0)),
        ]
        for name in names
    ]


def _below_each_other(tables: list[Any]) -> Any:
    from rich.console import Group

    return Group(*tables)


def _live() -> Any:
    from rich.live import Live

    live = Live(auto_refresh=False, screen=True)
    live.start()
    return live
