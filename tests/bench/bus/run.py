"""The bus beside raw pyzmq, Redis, NATS and multiprocessing, and beside its bars.

    python tests/bench/bus/run.py [--quick] [--only GROUP,...] [--out FILE]

Groups: throughput, curve, latency, request, chain, inner. With --only, what FILE holds of other groups stays,
so that a run can be had in parts; each ratio is of figures of one run. The harness with the peers is
bench_bus.py; it is looked for beside the test data (CRYPTOBOT_TEST_DATA, else `../shared/data` next to the
checkout). Redis and NATS are measured where redis-server, nats-server and their clients are installed (`pip
install redis hiredis nats-py`).
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OURS = f"{HERE / 'product_adapter.py'}:ProductBus"
DIRECT = (":path=direct", ":path=direct,face=aio")
BROKERED = (":path=broker", ":path=broker,face=aio")
CURVE = (":path=direct,tr=tcp", ":path=direct,tr=tcp,face=aio")
CHAIN = (":path=direct", ":path=direct,face=aio", ":path=direct,face=aio,loop=uvloop")
RAW_CHAIN = ("zmq", "zmq:loop=asyncio-drain", "zmq:loop=uvloop-drain")
SERVERS = {"redis": ("redis-server", "srv/usr/bin", "redis"), "nats": ("nats-server", "venv/bin", "nats")}
"""Of each peer: its server, where in its working directory the harness looks for it, and its client."""
STARTER = """#!/bin/sh
for word; do
    shift
    if [ "$before" = --dir ]; then before=; continue; fi
    before=$word
    [ "$word" = --dir ] || set -- "$@" "$word"
done
exec {server} "$@"
"""
"""Starts a server without `--dir FOLDER`: the harness names sockets relative to its own folder, and Redis
would change to another one first; nothing is saved there.
"""
WITHIN_PYTHON = ("mpqueue", "mppipe")
FIELDS = ("tput", "p50", "p99", "p999", "t2o_p50", "ratio", "cpu_ratio", "cpu_pub", "cpu_sub", "foreign")
GROUPS = ("throughput", "curve", "latency", "request", "chain", "inner")

Rows = dict[str, list[dict[str, Any]]]


def harness() -> Path | None:
    """Where bench_bus.py is, if it is here."""
    data = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
    found = data.parent / "bench" / "bus" / "bench_bus.py"
    return found if found.exists() else None


def absent(peer: str) -> str:
    """Why a peer cannot be measured here; "" when it can."""
    server, _, client = SERVERS[peer]
    if shutil.which(server) is None:
        return f"{server} is not installed"
    if importlib.util.find_spec(client) is None:
        return f"Python's {client} is not installed"
    return ""


def peers() -> list[str]:
    """The servers that can be measured here."""
    return [peer for peer in SERVERS if not absent(peer)]


def measure(script: Path, command: str, adapters: list[str], arguments: list[str]) -> list[dict[str, Any]]:
    """Run one command of the harness; its summary, a row for each adapter and cell."""
    with tempfile.TemporaryDirectory() as folder:
        for peer in peers():
            server, place, _ = SERVERS[peer]
            (Path(folder) / place).mkdir(parents=True)
            start = Path(folder) / place / server
            start.write_text(STARTER.format(server=shutil.which(server)), encoding="ascii")
            start.chmod(0o755)
        out = Path(folder) / "out.json"
        line = [sys.executable, str(script), command, "--adapters", ";".join(adapters), *arguments]
        subprocess.run([*line, "--out", str(out)], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        summary: list[dict[str, Any]] = json.loads(out.read_text())["summary"]
        return summary


def with_harness(script: Path, groups: list[str], quick: bool) -> Rows:
    """Throughput, latency, requests and the chain."""
    reps = ["--reps", "3" if quick else "5"]
    secs = ["--secs", "0.5" if quick else "1.0"]
    paths = [f"{OURS}{option}" for option in (*DIRECT, *BROKERED)]
    pubsub = ["--payloads", "tick", "--modes", "tput", *secs, *reps]
    plans: dict[str, tuple[str, list[str], list[str]]] = {
        "throughput": ("pubsub", ["zmq", *paths, *peers(), *WITHIN_PYTHON], [*pubsub, "--subs", "1,4"]),
        "curve": ("pubsub", ["zmq", "zmq:tr=tcp,curve=1", *_ours(CURVE)], [*pubsub, "--subs", "4"]),
        "latency": (
            "pubsub",
            ["zmq", *paths, *peers(), *WITHIN_PYTHON],
            ["--payloads", "tick", "--modes", "lat", "--lat-n", "2000", *reps],
        ),
        "request": (
            "request",
            ["zmq", OURS, f"{OURS}:face=aio", f"{OURS}:face=aio,loop=uvloop", *peers(), "mppipe"],
            ["--payloads", "raw100", "--req-n", "2000", *reps],
        ),
        "chain": ("chain", [*RAW_CHAIN, *_ours(CHAIN)], ["--lat-n", "1000", *reps]),
    }
    return {group: measure(script, *plan) for group, plan in plans.items() if group in groups}


def _ours(options: tuple[str, ...]) -> list[str]:
    return [f"{OURS}{option}" for option in options]


def inner(quick: bool) -> dict[str, float]:
    """The figures of inner.py, each in a process of its own."""
    calls = [
        "journal_and_replay(100_000)" if quick else "journal_and_replay()",
        "publisher_beside_the_journal()",
        "heal()",
        "loss_noticed()",
        "hostile_frames(100_000)" if quick else "hostile_frames()",
        "memory(1_000_000)" if quick else "memory()",
        "memory_of_processes(1_000_000)" if quick else "memory_of_processes()",
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


Promise = tuple[str, float | None, str, float]


def bars(rows: Rows, figures: dict[str, float]) -> list[Promise]:
    """What is promised: name, figure, relation, bar."""
    return [*_throughput_bars(rows), *_latency_bars(rows), *_inner_bars(figures)]


def _throughput_bars(rows: Rows) -> list[Promise]:
    promised: list[Promise] = []
    for name, at_least, subscribers in (("1 subscriber", 0.9, 1), ("4 subscribers", 0.8, 4)):
        best = _best(rows, "throughput", DIRECT, subscribers, "ratio", max)
        promised.append((f"typed throughput, {name}, against raw", best, ">=", at_least))
        cpu = _best(rows, "throughput", DIRECT, subscribers, "cpu_ratio", min)
        promised.append((f"CPU a message, {name}, against raw", cpu, "<=", 1.3))
    brokered = _best(rows, "throughput", BROKERED, 1, "ratio", max)
    promised += [
        ("through the broker, 1 subscriber", brokered, ">=", 0.8),
        ("TCP with CURVE, 4 subscribers", _best(rows, "curve", CURVE, 4, "ratio", max), ">=", 0.45),
    ]
    for peer, at_least in (("redis", 5.0), ("nats", 1.5)):
        theirs = next(
            (row.get("ratio") for row in rows.get("throughput", []) if row["adapter"] == peer), None
        )
        against = brokered / theirs if brokered and theirs else None
        promised.append((f"through the broker, against {peer}", against, ">=", at_least))
    return promised


def _latency_bars(rows: Rows) -> list[Promise]:
    return [
        ("request p50 against raw", ratio(rows, "request", ""), "<=", 1.25),
        ("three-hop chain p50 against raw", ratio(rows, "chain", ":path=direct"), "<=", 1.15),
    ]


def _inner_bars(figures: dict[str, float]) -> list[Promise]:
    return [
        ("journal append /s", figures.get("journal_append_per_s"), ">=", 200_000),
        ("journal replay /s", figures.get("journal_replay_per_s"), ">=", 300_000),
        ("publisher's CPU, with the journal against without", figures.get("publisher_cpu_ratio"), "<=", 1.05),
        ("18,000 messages healed, ms", figures.get("heal_18000_ms"), "<=", 100),
        ("slowest of ten losses noticed, ms", figures.get("loss_noticed_ms"), "<=", 1000),
        ("memory growth of a receiver, KiB", figures.get("memory_growth_kib"), "<=", 4096),
        *(
            (f"memory growth of the {name}, KiB", figures.get(f"memory_{name}_growth_kib"), "<=", 16_384)
            for name in ("publisher", "broker", "subscriber")
        ),
    ]


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
            fields = (
                "tput",
                "p50",
                "p99",
                "p999",
                "t2o_p50",
                "ratio",
                "cpu_ratio",
                "cpu_pub",
                "cpu_sub",
                "foreign",
            )
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


def before(path: Path | None) -> tuple[Rows, dict[str, float]]:
    """What an earlier run of other groups wrote."""
    if path is None or not path.exists():
        return {}, {}
    known = json.loads(path.read_text())
    return known["harness"], known["inner"]


def tell_what_is_absent(script: Path | None) -> None:
    """Say plainly what cannot be measured here."""
    if script is None:
        sys.stderr.write("bench_bus.py is not here: only the figures within one process are measured.\n")
    for peer in SERVERS:
        if reason := absent(peer):
            sys.stderr.write(f"{peer} is left out: {reason}.\n")


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less exact, about five minutes")
    parser.add_argument("--only", default=",".join(GROUPS), help="groups to measure, joined by commas")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    chosen = parser.parse_args(arguments)
    groups = chosen.only.split(",")
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    script = harness()
    tell_what_is_absent(script)
    rows, figures = before(chosen.out)
    rows |= with_harness(script, groups, chosen.quick) if script else {}
    figures |= inner(chosen.quick) if "inner" in groups else {}
    show(rows, figures)
    if chosen.out:
        chosen.out.write_text(
            json.dumps({"harness": rows, "inner": figures, "load": os.getloadavg()}, indent=1)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
