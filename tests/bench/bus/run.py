"""The bus beside raw pyzmq, and beside its bars, in one run.

    python tests/bench/bus/run.py [--quick] [--out FILE]      prints tables and writes JSON

The harness with the peers is bench_bus.py; it is looked for beside the test data (CRYPTOBOT_TEST_DATA, else
`../shared/data` next to the checkout). Peers that are not installed are left out by the harness.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OURS = f"{HERE / 'product_adapter.py'}:ProductBus"
DIRECT = (":path=direct", ":path=direct,face=aio", ":path=direct,face=aio,batch=64")
BROKERED = (":path=broker", ":path=broker,face=aio,batch=64")
CURVE = (":path=direct,tr=tcp", ":path=direct,tr=tcp,face=aio,batch=64")

Rows = dict[str, list[dict[str, Any]]]


def harness() -> Path | None:
    """Where bench_bus.py is, if it is here."""
    data = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    found = data.parent / "bench" / "bus" / "bench_bus.py"
    return found if found.exists() else None


def measure(script: Path, command: str, adapters: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    """Run one command of the harness; its summary, a row for each adapter and cell."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        line = [sys.executable, str(script), command, "--adapters", ";".join(adapters), *arguments]
        subprocess.run([*line, "--out", str(out)], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        summary: list[dict[str, Any]] = json.loads(out.read_text())["summary"]
        return summary


def with_harness(script: Path, quick: bool) -> Rows:
    """Throughput, latency, requests and the chain."""
    reps = ["--reps", "3" if quick else "7"]
    secs = ["--secs", "0.5" if quick else "1.0"]
    paths = [f"{OURS}{option}" for option in (*DIRECT, *BROKERED)]
    pubsub = ["--payloads", "tick", "--modes", "tput", *secs, *reps]
    curve = ["zmq", "zmq:tr=tcp,curve=1", *(f"{OURS}{option}" for option in CURVE)]
    latency = ["--payloads", "tick", "--modes", "lat", "--lat-n", "2000", *reps]
    request = ["--payloads", "raw100", "--req-n", "2000", *reps]
    return {
        "throughput": measure(script, "pubsub", ["zmq", *paths], [*pubsub, "--subs", "1,4"]),
        "curve": measure(script, "pubsub", curve, [*pubsub, "--subs", "4"]),
        "latency": measure(script, "pubsub", ["zmq", *paths], latency),
        "request": measure(script, "request", ["zmq", OURS, f"{OURS}:face=aio"], request),
        "chain": measure(script, "chain", ["zmq", f"{OURS}:path=direct"], ["--lat-n", "1000", *reps]),
    }


def inner(quick: bool) -> dict[str, float]:
    """The figures of inner.py, each in a process of its own."""
    calls = [
        "journal_and_replay(100_000)" if quick else "journal_and_replay()",
        "heal()",
        "hostile_frames(100_000)" if quick else "hostile_frames()",
        "memory(1_000_000)" if quick else "memory()",
    ]
    found: dict[str, float] = {}
    for call in calls:
        code = f"import json, sys; sys.path.insert(0, {str(HERE)!r}); import inner;"
        code += f"print(json.dumps(inner.{call}))"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        found |= json.loads(done.stdout.splitlines()[-1])
    return found


def ratio(rows: Rows, group: str, option: str, subscribers: int = 1, field: str = "ratio") -> float | None:
    """A figure of our adapter with these options."""
    for row in rows.get(group, []):
        if row["adapter"] == f"cryptobot{option}" and row.get("nsub", 1) in (subscribers, None):
            return row.get(field)
    return None


def bars(rows: Rows, figures: dict[str, float]) -> list[tuple[str, float | None, str, float]]:
    """What is promised: name, figure, relation, bar."""
    promised: list[tuple[str, float | None, str, float]] = []
    for name, at_least, subscribers in (("1 subscriber", 0.9, 1), ("4 subscribers", 0.8, 4)):
        best = _best(rows, "throughput", DIRECT, subscribers, "ratio", max)
        promised.append((f"typed throughput, {name}, against raw", best, ">=", at_least))
        cpu = _best(rows, "throughput", DIRECT, subscribers, "cpu_ratio", min)
        promised.append((f"CPU a message, {name}, against raw", cpu, "<=", 1.3))
    brokered = _best(rows, "throughput", BROKERED, 1, "ratio", max)
    curve = _best(rows, "curve", CURVE, 4, "ratio", max)
    promised += [
        ("through the broker, 1 subscriber", brokered, ">=", 0.8),
        ("TCP with CURVE, 4 subscribers", curve, ">=", 0.45),
        ("request p50 against raw", ratio(rows, "request", ""), "<=", 1.25),
        ("three-hop chain p50 against raw", ratio(rows, "chain", ":path=direct"), "<=", 1.15),
        ("journal append /s", figures.get("journal_append_per_s"), ">=", 200_000),
        ("journal replay /s", figures.get("journal_replay_per_s"), ">=", 300_000),
        ("18,000 messages healed, ms", figures.get("heal_18000_ms"), "<=", 100),
        ("memory growth, KiB", figures.get("memory_growth_kib"), "<=", 1024),
    ]
    return promised


def _best(
    rows: Rows,
    group: str,
    options: tuple[str, ...],
    subscribers: int,
    field: str,
    choose: Callable[..., float],
) -> float | None:
    found = [ratio(rows, group, option, subscribers, field) for option in options]
    known = [each for each in found if each is not None]
    return choose(known) if known else None


def show(rows: Rows, figures: dict[str, float]) -> None:
    """Print tables."""
    write = sys.stdout.write
    for group, found in rows.items():
        write(f"\n{group}\n")
        for row in found:
            fields = ("tput", "p50", "p99", "t2o_p50", "ratio", "cpu_ratio", "cpu_pub", "cpu_sub", "foreign")
            facts = "  ".join(
                f"{key}={row[key]:,.2f}" for key in fields if isinstance(row.get(key), int | float)
            )
            write(f"  {row['adapter']:38} subs={row.get('nsub', '-')}  {row.get('error') or facts}\n")
    write("\nwithin one process\n")
    for name, value in figures.items():
        write(f"  {name:38} {value:,.1f}\n")
    write("\nbars\n")
    for name, value, relation, bar in bars(rows, figures):
        held = "-" if value is None else "holds" if (value >= bar) == (relation == ">=") else "MISSED"
        shown = "-" if value is None else f"{value:,.2f}"
        write(f"  {name:44} {shown:>14} {relation} {bar:<10,.2f} {held}\n")


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less exact, about three minutes")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    chosen = parser.parse_args(arguments)
    script = harness()
    if script is None:
        sys.stderr.write("bench_bus.py is not here: only the figures within one process are measured.\n")
    rows = with_harness(script, chosen.quick) if script else {}
    figures = inner(chosen.quick)
    show(rows, figures)
    if chosen.out:
        chosen.out.write_text(
            json.dumps({"harness": rows, "inner": figures, "load": os.getloadavg()}, indent=1)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
