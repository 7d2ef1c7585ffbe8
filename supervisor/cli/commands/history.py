"""cryptobot history"""

import sys
import time
from collections.abc import Sequence

import click

from ....bus.contracts.monitor import HealthHistory, HealthSeries, ListHealthHistory, ListStates, StateLog
from ....configs.errors import UsageError
from .. import ccxt_names
from ..ask import ask_over, open_bus
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command, nearest
from ..output import Column, note, print_json, print_table, size
from ..services import known_services

_WIDTH = 60
_BARS = "▁▂▃▄▅▆▇█"
METRICS = (
    ("CPU", "cpu_percent", lambda value: f"{value:.1f} %"),
    ("memory", "rss_bytes", size),
    ("memory of its own", "pss_bytes", size),
    ("threads", "threads", lambda value: f"{value:.0f}"),
    ("open files", "open_files", lambda value: f"{value:.0f}"),
    ("disk", "disk_bytes", size),
    ("loop behind", "loop_lag_ms", lambda value: f"{value:.1f} ms"),
)
COLUMNS = (
    Column("what"),
    Column("over time"),
    Column("now", right=True),
    Column("mean", right=True),
    Column("highest", right=True),
)
STATES = (Column("when"), Column("state"), Column("pid", right=True), Column("reason"))


@click.command(cls=Command)
@click.argument("service")
@click.option("--since", type=moment, metavar="TIME", help="From then on: 5m, 2h, 1d ago, or a time. [1h]")
@click.option("--step", type=click.Choice(("1", "60", "3600")), help="Seconds a point covers.")
@json_option
@pass_call
def command(call: Call, service: str, since: float | None, step: str | None, as_json: bool) -> None:
    """Show what SERVICE (or `supervisor`) used over time, and its changes of state.

    With --json: {"step_s", "stored", "series": {"start_ms", "cpu_percent", "rss_bytes", …}, "states"}; the
    columns of the series have one length.
    """
    known = sorted({*known_services(call.home), "supervisor"})
    if service not in known:
        raise UsageError(f"There is no service `{service}`.{nearest(service, known)}")
    since_ms = int((since if since is not None else time.time() - 3600) * 1000)
    wish = ListHealthHistory(service=service, since_ms=since_ms, step_s=int(step or 0), points=5000)
    with open_bus(call) as bus:
        found = ask_over(bus, "monitor", wish, HealthHistory)
        states = ask_over(bus, "monitor", ListStates(service=service, since_ms=since_ms, limit=20), StateLog)
    if as_json:
        series = found.series[0] if found.series else None
        print_json({"step_s": found.step_s, "stored": found.stored, "series": series,
                    "states": states.entries})  # fmt: skip
        return
    if not found.stored:
        note("The monitor's database is away: this is what it holds in memory.")
    print_table(COLUMNS, rows(found), empty=f"Nothing is known of {service} since then.")
    changes = [[ccxt_names.iso(one.since_ms)[:19].replace("T", " "), one.state, one.pid or None, one.reason]
               for one in reversed(states.entries)]  # fmt: skip
    if changes:
        sys.stdout.write("\n")
        print_table(STATES, changes, empty="")


def rows(found: HealthHistory) -> list[list[object]]:
    if not found.series:
        return []
    one = found.series[0]
    return [
        [title, curve(getattr(one, field)), show(getattr(one, field)[-1]),
         show(_mean(one, field)), show(max(_highest(one, field)))]
        for title, field, show in METRICS
    ]  # fmt: skip


def _highest(one: HealthSeries, field: str) -> Sequence[float]:
    highest: Sequence[float] = getattr(one, f"{field}_max", None) or getattr(one, field)
    return highest


def _mean(one: HealthSeries, field: str) -> float:
    weighted = sum(value * count for value, count in zip(getattr(one, field), one.samples, strict=True))
    return float(weighted / sum(one.samples))


def curve(values: Sequence[float]) -> str:
    """The values as a line of small bars, from 0 to the highest; each bar the highest of its share."""
    width = min(_WIDTH, len(values))
    shares = [values[at * len(values) // width : (at + 1) * len(values) // width] for at in range(width)]
    top = max(values) or 1
    bars = _BARS if _can_print(_BARS) else "0123456789"
    return "".join(bars[min(len(bars) - 1, int(max(share) / top * len(bars)))] for share in shares)


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
