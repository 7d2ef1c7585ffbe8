"""How fast backtests are, beside the bare Python loop with the same strategy, in one run.

    python tests/bench/backtest/run.py [--data FILE] [--repeat 5] [--peers PYTHON] [--json]

PYTHON is that of an environment with peers (numba, vectorbt, backtesting, backtrader, ...); they are run by
the harness in ../shared/bench/backtest. Ratios of CPU time are what counts; the machine's speed falls out of
them. The bars are those of the design.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cryptobot.services.backtest.crew import Pool
from cryptobot.services.backtest.lane import compiled
from cryptobot.services.backtest.run import Request, run_series
from cryptobot.services.backtest.sweep import Work, grid, run_all
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import NAMES, Columns
from cryptobot.services.data.files import Series, read_series
from cryptobot.services.strategy.builtin.ema_cross import EmaCross

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
FAST, SLOW, WARMUP, LOT, FEE = 10, 50, 1000, 1e-5, 0.001
HARNESS = SHARED.parent / "bench" / "backtest"
WANTED = (
    "numba:a_real",
    "pyloop:a_real",
    "backtesting:a_real",
    "vectorbt:a_real",
    "vectorbt:sweep",
    "numba:sweep",
    "nautilus:a_real",
)
PAIRS = ("fast=5,6,8,10,12,14,16,18,20,24", "slow=30,36,42,50,60,72,84,96,120,150")


class Bar:
    """A candle of the bare loop."""

    __slots__ = ("close", "high", "low", "open", "time", "volume")

    def __init__(self, time_ms: int, *prices: float) -> None:
        self.time = time_ms
        self.open, self.high, self.low, self.close, self.volume = prices


class BareCross:
    """The strategy of the bare loop: it computes its averages itself."""

    def __init__(self, broker: "BareLoop") -> None:
        self.broker = broker
        self.quick = self.steady = math.nan
        self.before = 0.0
        self.count = 0

    def on_candle(self, bar: Bar) -> None:
        close = bar.close
        if self.count == 0:
            self.quick = self.steady = close
        self.quick += 2 / (FAST + 1) * (close - self.quick)
        self.steady += 2 / (SLOW + 1) * (close - self.steady)
        now, before = self.quick - self.steady, self.before
        self.before = now
        self.count += 1
        if self.count <= WARMUP:
            return
        broker = self.broker
        if now > 0 >= before and not broker.held:
            broker.wish = math.floor(0.95 * broker.cash / close / LOT + 1e-9) * LOT
        elif now < 0 <= before and broker.held:
            broker.wish = -broker.held


class BareLoop:
    """The least that a loop over candle objects can do: the ceiling of Python called on every candle."""

    def __init__(self) -> None:
        self.cash, self.held, self.wish = 10_000.0, 0.0, 0.0
        self.trades = 0

    def run(self, rows: list[list[Any]]) -> float:
        strategy = BareCross(self)
        last = 0.0
        for row in zip(*rows, strict=True):
            if self.wish:
                self.fill(row[1])
            strategy.on_candle(Bar(*row))
            last = row[4]
        return self.cash + self.held * last

    def fill(self, price: float) -> None:
        value = self.wish * price
        self.cash -= value + abs(value) * FEE
        self.trades += self.wish < 0
        self.held, self.wish = self.held + self.wish, 0.0


def cpu_s(work: Callable[[], Any], repeat: int) -> float:
    """Median of the CPU seconds of a piece of work."""
    taken = []
    for _ in range(repeat):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return statistics.median(taken)


def longer(series: Series, size: int) -> Series:
    """The series repeated to `size` candles."""
    columns = series.columns
    times = math.ceil(size / len(columns))
    made = {name: np.tile(getattr(columns, name), times)[:size] for name in NAMES}
    step = int(columns.open_ms[1] - columns.open_ms[0])
    open_ms = columns.open_ms[0] + np.arange(size, dtype=np.int64) * step
    return Series(series.symbol, series.timeframe, Columns(open_ms, *(made[name] for name in NAMES)), 0)


def measure(path: Path, repeat: int) -> dict[str, Any]:
    """Our figures and the bare loop's, in one run."""
    series = read_series(path)
    names = ("open_ms", *NAMES)
    parameters = {"fast": FAST, "slow": SLOW}

    def ours(over: Series, **rules: bool) -> Any:
        return run_series(EmaCross, parameters, over, Rules(**rules))  # type: ignore[arg-type]

    def bare(over: Series) -> float:
        return BareLoop().run([getattr(over.columns, name).tolist() for name in names])

    found: dict[str, Any] = {"candles": len(series.columns), "compiled": compiled() is not None}
    result = ours(series)
    found["trades"], found["final_equity"] = len(result.trades), float(result.final_equity)
    # Taken in turns, so that a change of the machine's speed strikes all alike.
    modes: dict[str, Callable[[], Any]] = {
        "bare": lambda: bare(series),
        "every": lambda: ours(series, every=True),
        "wake": lambda: ours(series),
        "every_plain": lambda: ours(series, every=True, pure=True),
        "wake_plain": lambda: ours(series, pure=True),
    }
    taken: dict[str, list[float]] = {name: [] for name in modes}
    for _ in range(repeat):
        for name, work in modes.items():
            taken[name].append(cpu_s(work, 1))
    found.update({f"{name}_s": statistics.median(values) for name, values in taken.items()})
    for size in (1_000_000, 5_000_000):
        long = longer(series, size)
        found[f"wake_{size}_s"] = cpu_s(lambda over=long: ours(over), 3)
        if size == 1_000_000:
            found["bare_1000000_s"] = cpu_s(lambda over=long: bare(over), 1)
    del long
    found.update(sweeps(series))
    found.update(command(series))
    return found


def sweeps(series: Series) -> dict[str, Any]:
    """A hundred runs over the first 100,000 candles, by one process and by two; the memory of a worker."""
    head = Series(series.symbol, series.timeframe, series.columns.first(100_000), 0)
    request = Request("ema-cross", None)
    combinations = grid(EmaCross, PAIRS)
    found: dict[str, Any] = {}
    for workers in (1, 2):
        with Pool(Work(request, EmaCross, head), workers) as crew:
            run_all(crew, combinations[:workers])  # workers stay up; their start is told apart
            begun = time.perf_counter()
            run_all(crew, combinations)
            found[f"sweep_{workers}_s"] = time.perf_counter() - begun
            assert crew._pool is not None
            found["worker_mb"] = max(private_mb(pid) for pid in crew._pool._processes or {})
    begun = time.perf_counter()
    with Pool(Work(request, EmaCross, head), 2) as crew:
        run_all(crew, combinations)
    found["sweep_cold_s"] = time.perf_counter() - begun
    return found


def private_mb(pid: int) -> float:
    """Memory that only this process has, the mapped candles left out."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kb = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return kb / 1024


def command(series: Series) -> dict[str, Any]:
    """A year of minutes from the command to the report, in a fresh process and home."""
    import pyarrow
    import pyarrow.parquet

    year = longer(series, 525_600)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "BTC-USDT_1m.parquet"
        columns = {name: getattr(year.columns, name) for name in ("open_ms", *NAMES)}
        pyarrow.parquet.write_table(pyarrow.table({"timestamp": columns.pop("open_ms"), **columns}), path)
        words = [
            sys.executable,
            "-m",
            "cryptobot",
            "--home",
            f"{folder}/home",
            "backtest",
            "run",
            "ema-cross",
        ]
        words += ["--data", str(path), "--param", f"fast={FAST}", "--param", f"slow={SLOW}"]
        begun = time.perf_counter()
        subprocess.run([*words, "--report", f"{folder}/report.html"], check=True, capture_output=True)
        return {"command_s": time.perf_counter() - begun}


def peers(python: str, wanted: list[str], path: Path) -> dict[str, Any]:
    """What the harness measures in another environment: {"peer task": its figures, or why there are none}."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for file in HARNESS.glob("*.py"):
            shutil.copy(file, folder)
        data = Path(folder) / "data"
        data.mkdir()
        columns = read_series(path).columns
        matrix = np.column_stack([columns.open_ms.astype(float) * 1e6, *(getattr(columns, n) for n in NAMES)])
        np.save(data / "real_btc_1m.npy", matrix)
        np.save(data / "real_btc_1m_ts.npy", columns.open_ms * 1_000_000)
        for job in wanted:
            peer, _, task = job.partition(":")
            words = [python, "bench_backtest.py", "worker", peer, task]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)
            lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("@@")]
            told = (
                json.loads(lines[-1]) if lines else {"error": (done.stderr.strip() or "?").splitlines()[-1]}
            )
            found[job] = {key: value for key, value in told.items() if key not in ("trades", "finals")}
    return found


def bars(found: dict[str, Any]) -> list[tuple[str, float, str, bool]]:
    """(what, value, bar, holds) of each bar of the design."""
    bare, size = found["bare_s"], found["candles"]

    def over(name: str) -> float:
        return float(bare / found[f"{name}_s"])

    million = found["bare_1000000_s"] / found["wake_1000000_s"]
    growth = found["wake_5000000_s"] / found["wake_1000000_s"]
    # The prototype of the design in plain Python took 1 / 0.64 of the bare loop on each candle.
    beyond_us = (found["every_plain_s"] - bare / 0.64) / size * 1e6
    order_us = found["wake_plain_s"] / (2 * found["trades"]) * 1e6
    made: list[tuple[str, float, str, bool]] = [
        ("every candle, compiled: x bare loop", over("every"), ">= 1.0", over("every") >= 1.0),
        ("every candle, plain: x bare loop", over("every_plain"), ">= 0.6", over("every_plain") >= 0.6),
        ("wake, compiled: x bare loop", over("wake"), ">= 8", over("wake") >= 8),
        ("wake, plain: x bare loop", over("wake_plain"), ">= 3", over("wake_plain") >= 3),
        ("wake, compiled, 1 M candles: x bare loop", million, ">= 8", million >= 8),
        ("5 M candles over 1 M", growth, "<= 5.5", growth <= 5.5),
        ("a year of minutes to report, s", found["command_s"], "<= 3", found["command_s"] <= 3),
        ("memory of a worker, MB", found["worker_mb"], "<= 80", found["worker_mb"] <= 80),
        ("plain, beyond the prototype, us a candle", beyond_us, "<= 0.3", beyond_us <= 0.3),
        ("plain, all of a wake run, us an order", order_us, "<= 10", order_us <= 10),
    ]
    two = found["sweep_1_s"] / found["sweep_2_s"]
    made.append(("sweep, two processes over one (wall)", two, ">= 1.7", two >= 1.7))
    told = found.get("peers", {})
    for job, bar in (("backtesting:a_real", 12.0), ("vectorbt:a_real", 1.0), ("freqtrade:a_real", 80.0)):
        if (peer := told.get(job, {})).get("cpu"):
            ratio = peer["cpu"] / found["wake_s"]
            made.append((f"wake: x {job.partition(':')[0]} (CPU)", ratio, f">= {bar:g}", ratio >= bar))
    if (peer := told.get("vectorbt:sweep", {})).get("wall"):
        ratio = peer["wall"] / found["sweep_2_s"]
        made.append(("sweep of 100: x vectorbt (wall)", ratio, ">= 5", ratio >= 5))
    return made


def table(found: dict[str, Any]) -> str:
    size = found["candles"]
    lines = [f"{found['trades']} trades, final equity {found['final_equity']}, compiled {found['compiled']}"]
    lines.append(f"{'':34}{'seconds':>9}{'M/s':>8}{'x bare':>8}")
    for name in ("bare", "every", "wake", "every_plain", "wake_plain"):
        lines.append(_row(name, found[f"{name}_s"], size, found["bare_s"] / found[f"{name}_s"]))
    for longest in (1_000_000, 5_000_000):
        taken = found[f"wake_{longest}_s"]
        lines.append(
            _row(f"wake, {longest} candles", taken, longest, found["bare_1000000_s"] * longest / 1e6 / taken)
        )
    for job, told in found.get("peers", {}).items():
        if "error" in told:
            lines.append(f"{job:34} none: {told['error'][:90]}")
        else:
            runs = 100 if job.endswith("sweep") else 1
            cpu = told.get("cpu") or told["wall"]
            lines.append(
                _row(f"{job} (CPU)", cpu, told["n"] * runs, found["bare_s"] / size * told["n"] * runs / cpu)
            )
    for name in ("sweep_1_s", "sweep_2_s", "sweep_cold_s", "command_s", "worker_mb"):
        lines.append(f"{name:34}{found[name]:9.3f}")
    lines.append("")
    for what, value, bar, holds in bars(found):
        lines.append(f"{'hold' if holds else 'MISS'}  {what:44}{value:9.2f}  {bar}")
    return "\n".join(lines)


def _row(name: str, seconds: float, size: float, ratio: float) -> str:
    return f"{name:34}{seconds:9.4f}{size / seconds / 1e6:8.2f}{ratio:8.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED / "backtest" / "real_btc_1m.parquet")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peers", default="", metavar="PYTHON", help="Python of an environment with peers.")
    parser.add_argument("--wanted", default=",".join(WANTED), help="PEER:TASK,... of the harness.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.data, given.repeat)
    if given.peers:
        found["peers"] = peers(given.peers, given.wanted.split(","), given.data)
    print(json.dumps({**found, "bars": bars(found)}) if given.json else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
