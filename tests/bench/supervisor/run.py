"""Our supervisor beside the floor and, where installed, the peers, in one run: a table and JSON.

    python tests/bench/supervisor/run.py [--n 100] [--peers VENV] [--pm2 DIR] [--s6 DIR] [--quick] [--first]

The harness (bench_supervisors.py) is looked for beside the test data (CRYPTOBOT_TEST_DATA, else
`../shared/data` next to the checkout). VENV is a virtual environment that holds circus and supervisor, --pm2
a folder in which `npm install pm2` was run, --s6 one into which Debian's packages of s6 were unpacked
(`dpkg -x`). The home of ours was started and stopped once before it is measured; --first measures the very
first start instead. Quote the ratios.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
# name of the figure, how it is read from a row, the bar as a ratio to the floor or a limit of its own
BARS = (
    ("cold start of all", "ms", lambda row: _median(row["cold_start_ms"]), "floor", 2.0),
    ("crash to replacement, p50", "ms", lambda row: row["respawn_ms"]["p50"], "floor", 2.5),
    ("crash to replacement, p50, ahead of PM2", "ms", lambda row: row["respawn_ms"]["p50"], "pm2", 1.0),
    ("all killed at once, all back", "ms", lambda row: row["storm_ms"], "floor", 2.0),
    ("stop of all", "ms", lambda row: _median(row["stop_ms"]), "limit", 100.0),
    ("status of all with CPU and memory, p50", "ms", lambda row: row["status_ms"]["p50"], "limit", 2.0),
    ("processor time of a respawn", "ms", lambda row: row["respawn_cpu_ms"], "limit", 1.0),
    ("idle CPU with statistics", "%", lambda row: _idle_percent(row), "limit", 1.0),
    ("memory (PSS) of the supervisor", "MB", lambda row: row["supervisor_mem_kb"]["pss"] / 1024, "peer", 1.0),
    (
        "memory (PSS) with the log keeper",
        "MB",
        lambda row: row["control_plane_mem_kb"]["pss"] / 1024,
        "peer",
        1.0,
    ),
)


def _median(values: list[float]) -> float:
    ordered = sorted(value for value in values if value is not None)
    return ordered[len(ordered) // 2]


def _idle_percent(row: dict[str, Any]) -> float:
    return float(row["idle_cpu_s"]["supervisor"]) / float(row["idle_window_s"]) * 100.0


def harness() -> Path:
    """The benchmark program; ends with a plain sentence when it is not there."""
    data = Path(os.environ.get("CRYPTOBOT_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    program = data.parent / "bench" / "supervisor" / "bench_supervisors.py"
    if not program.exists():
        sys.exit(f"The benchmark {program} is not here; it is looked for beside CRYPTOBOT_TEST_DATA.")
    return program


def verdicts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each bar with our figure, what it is held against, and whether it is met."""
    by_name = {row["target"]: row for row in rows if not row.get("error")}
    ours = by_name["cryptobot"]
    others = {"floor": by_name["floor-spawn"], "peer": by_name.get("supervisor"), "pm2": by_name.get("pm2")}
    found = []
    for title, unit, read, kind, bar in BARS:
        against = others.get(kind)
        if kind != "limit" and against is None:
            continue
        value = read(ours)
        limit = bar if against is None else bar * read(against)
        found.append({"what": title, "unit": unit, "ours": value, "at most": limit, "met": value <= limit})
    return found


def main() -> int:
    """Run, print, and return 0 whatever the figures: a benchmark measures, it does not judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", default="100")
    parser.add_argument("--peers", default="")
    parser.add_argument("--out", default="")
    parser.add_argument("--pm2", default="")
    parser.add_argument("--s6", default="")
    parser.add_argument("--quick", action="store_true", help="fewer kills, a shorter idle window")
    parser.add_argument("--first", action="store_true", help="the first start of a home: no head start")
    given = parser.parse_args()
    out = Path(given.out or Path(tempfile.mkdtemp(prefix="bench-")) / "supervisors.json")
    targets = "floor-spawn" + (",supervisor,circus" if given.peers else "")
    targets += "".join(f",{name}" for name, folder in (("pm2", given.pm2), ("s6", given.s6)) if folder)
    command = [sys.executable, str(harness()), "--venv", given.peers or "/nonexistent", "--targets", targets]
    command += ["--adapter", f"{HERE / 'adapter.py'}:CryptoBotAdapter", "--n", given.n, "--out", str(out)]
    command += ["--pm2", given.pm2 or "/nonexistent", "--s6", given.s6 or "/nonexistent"]
    if given.quick:
        command += ["--kills", "40", "--cycles", "2", "--idle", "8", "--rpc", "150"]
    environment = {**os.environ, "CRYPTOBOT_BENCH_PYTHON": sys.executable}
    if given.first:
        environment["CRYPTOBOT_BENCH_FIRST"] = "1"
    subprocess.run(command, check=True, env=environment)
    judged = verdicts(json.loads(out.read_text(encoding="utf-8"))["rows"])
    for one in judged:
        mark = "hold" if one["met"] else "MISS"
        print(f"{one['what']:<42} {one['ours']:>9.2f} {one['unit']:<3} bar {one['at most']:>9.2f}  {mark}")
    print(json.dumps({"bars": judged, "rows": str(out)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
