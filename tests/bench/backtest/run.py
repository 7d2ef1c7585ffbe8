"""How fast backtests are, beside the bare Python loop with the same strategy, in one run.

    python tests/bench/backtest/run.py [--data FILE] [--repeat 5] [--json]

Ratios of CPU time are what counts; the machine's speed falls out of them. The bars are those of the design.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cryptobot.services.backtest.run import Request, run_series
from cryptobot.services.backtest.sweep import sweep
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import NAMES, Columns
from cryptobot.services.data.files import Series, read_series
from cryptobot.services.strategy.builtin.ema_cross import EmaCross

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
FAST, SLOW, WARMUP, LOT, FEE = 10, 50, 1000, 1e-5, 0.001
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


def _cpu_with_children_s() -> float:
    ours, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours.ru_utime + ours.ru_stime + theirs.ru_utime + theirs.ru_stime


def longer(series: Series, size: int) -> Series:
    """The series repeated to `size` candles."""
    columns = series.columns
    times = math.ceil(size / len(columns))
    made = {name: np.tile(getattr(columns, name), times)[:size] for name in NAMES}
    step = int(columns.open_ms[1] - columns.open_ms[0])
    open_ms = columns.open_ms[0] + np.arange(size, dtype=np.int64) * step
    return Series(series.symbol, series.timeframe, Columns(open_ms, *(made[name] for name in NAMES)), 0)


def measure(path: Path, repeat: int) -> dict[str, Any]:
    """All figures of one run of the benchmark."""
    series = read_series(path)
    size = len(series.columns)
    names = ("open_ms", *NAMES)
    parameters = {"fast": FAST, "slow": SLOW}

    def ours(over: Series, every: bool) -> Any:
        return run_series(EmaCross, parameters, over, Rules(every=every))

    def bare(over: Series) -> float:
        return BareLoop().run([getattr(over.columns, name).tolist() for name in names])

    million = longer(series, 1_000_000)
    found: dict[str, Any] = {"candles": size, "trades": len(ours(series, False).trades)}
    found["bare_s"] = cpu_s(lambda: bare(series), repeat)
    found["wake_s"] = cpu_s(lambda: ours(series, False), repeat)
    found["every_s"] = cpu_s(lambda: ours(series, True), repeat)
    found["million_bare_s"] = cpu_s(lambda: bare(million), 1)
    found["million_wake_s"] = cpu_s(lambda: ours(million, False), 3)
    found["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for workers in (1, 2):
        begun, busy = time.perf_counter(), _cpu_with_children_s()
        sweep(Request("ema-cross", path), PAIRS, workers)
        found[f"sweep_{workers}_s"] = time.perf_counter() - begun
        found[f"sweep_{workers}_cpu_s"] = _cpu_with_children_s() - busy
    begun = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "cryptobot",
        "backtest",
        "run",
        "ema-cross",
        "--data",
        str(path),
        "--json",
    ]
    subprocess.run(command, check=True, capture_output=True)
    found["command_s"] = time.perf_counter() - begun
    found["wake_ratio"] = found["bare_s"] / found["wake_s"]
    found["every_ratio"] = found["bare_s"] / found["every_s"]
    found["million_wake_ratio"] = found["million_bare_s"] / found["million_wake_s"]
    found["two_workers_ratio"] = found["sweep_1_s"] / found["sweep_2_s"]
    return found


def table(found: dict[str, Any]) -> str:
    size = found["candles"]
    lines = [
        f"{'':34}{'seconds':>9}{'M/s':>8}{'x bare':>8}   bar",
        _row("bare Python loop", found["bare_s"], size, 1.0, ""),
        _row("every candle", found["every_s"], size, found["every_ratio"], ">= 0.6"),
        _row("wake on signals", found["wake_s"], size, found["wake_ratio"], ">= 3"),
        _row("wake, 1,000,000 candles", found["million_wake_s"], 1e6, found["million_wake_ratio"], ">= 3"),
        f"{'100 runs, one process, CPU':34}{found['sweep_1_cpu_s']:9.2f}   (wall {found['sweep_1_s']:.2f})",
        f"{'100 runs, two processes, CPU':34}{found['sweep_2_cpu_s']:9.2f}   (wall {found['sweep_2_s']:.2f})",
        f"{'two processes over one (wall)':34}{'':17}{found['two_workers_ratio']:8.2f}   >= 1.7 idle",
        f"{'command to result (wall)':34}{found['command_s']:9.2f}{'':16}   <= 3 s",
        f"{'peak memory, MB':34}{found['rss_mb']:9.0f}",
    ]
    return "\n".join(lines)


def _row(name: str, seconds: float, size: float, ratio: float, bar: str) -> str:
    return f"{name:34}{seconds:9.4f}{size / seconds / 1e6:8.2f}{ratio:8.2f}   {bar}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED / "backtest" / "real_btc_1m.parquet")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.data, given.repeat)
    print(json.dumps(found) if given.json else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
