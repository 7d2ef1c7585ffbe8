"""Sweeps that are stopped, workers that are killed, a cluster over TCP."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.run import Request
from cryptobot.services.backtest.sweep import sweep
from cryptobot.services.data.columns import NAMES

DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def candles(tmp_path_factory: Any) -> Path:
    """A CSV file of sample candles."""
    path: Path = tmp_path_factory.mktemp("processes") / "BTC-USDT_1h.csv"
    columns = sample(3000).columns
    rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
    times = columns.open_ms.tolist()
    lines = [",".join(map(repr, [time_ms, *row])) for time_ms, row in zip(times, rows, strict=True)]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    return path


def command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "cryptobot", "--home", str(home), "backtest", *words]


def kept(home: Path) -> list[Any]:
    done = subprocess.run(command(home, "list", "--json"), capture_output=True, text=True, timeout=DEADLINE_S)
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal here")
def test_ctrl_c_ends_a_sweep_and_the_next_one_goes_on(candles: Path, tmp_path: Path) -> None:
    """SIGINT to the whole group: exit code 1, no process left, what was done is not done again."""
    home = tmp_path / "home"
    words = ("sweep", "ema-cross", "--data", str(candles), "--param", "fast=3:40:1")
    words += ("--param", "slow=70:170:5", "--workers", "2", "--json")
    begun = subprocess.Popen(
        command(home, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    database = home / "state" / "databases" / "backtest.sqlite"
    wait_until(lambda: begun.poll() is not None or rows_in(database) >= 25)
    os.killpg(begun.pid, signal.SIGINT)
    _, told = begun.communicate(timeout=DEADLINE_S)
    (run,) = kept(home)
    before = rows_in(database)

    assert begun.returncode == 1, told
    assert "goes on from there" in told
    assert "Traceback" not in told
    assert run["state"] == "cancelled"
    assert 25 <= before < 38 * 21
    wait_until(lambda: not alive_in_group(begun.pid))
    again = subprocess.run(command(home, *words), capture_output=True, text=True, timeout=DEADLINE_S * 2)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["id"] == run["id"]
    assert rows_in(database) == 38 * 21


def rows_in(database: Path) -> int:
    import sqlite3

    if not database.exists():
        return 0
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
        try:
            return int(opened.execute("select count(*) from trials").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def alive_in_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(holds: Any) -> None:
    """Look again until it holds; the deadline fails the test."""
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
def test_two_workers_over_tcp_give_what_one_process_gives(candles: Path, tmp_path: Path) -> None:
    """A Dask scheduler and two workers, one of which is killed at work: every row is there, and the same."""
    distributed = pytest.importorskip("distributed")
    own = tmp_path / "mine.py"
    own.write_text(
        "from cryptobot import Parameter, Strategy, cross_down, cross_up, ema\n\n\n"
        "class Mine(Strategy):\n"
        "    fast = Parameter(5, low=2, high=100)\n"
        "    slow = Parameter(20, low=3, high=500)\n"
        "    rise = cross_up(ema(fast), ema(slow))\n"
        "    fall = cross_down(ema(fast), ema(slow))\n\n"
        "    def on_candle(self, candle):\n"
        "        if self.rise and not self.position:\n"
        "            self.buy()\n"
        "        elif self.fall:\n"
        "            self.close()\n"
    )
    texts = ["fast=3:40:1", "slow=50:100:5"]
    request = Request(str(own), candles)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, protocol="tcp", dashboard_address=None
    ) as cluster:
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1")
        killed: list[int] = []

        def told(done: int, _all: int) -> None:
            if done and not killed:
                victim = next(iter(cluster.workers.values()))
                killed.append(victim.process.process.pid)
                os.kill(killed[0], signal.SIGKILL)

        shared = sweep(request, texts, 1, told, cluster=cluster.scheduler_address)
    alone = sweep(request, texts, 1)

    assert killed
    assert len(alone) == 38 * 11
    assert shared == alone
