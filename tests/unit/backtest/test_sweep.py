"""Many runs are what single runs are, whoever does them."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.configs.errors import SettingsError, UsageError
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.run import Request, run
from cryptobot.services.backtest.sweep import grid, sweep
from cryptobot.services.data.columns import NAMES
from cryptobot.services.strategy.builtin.ema_cross import EmaCross

TEXTS = ["fast=5,10", "slow=20:40:10"]


@pytest.fixture(scope="module")
def candles(tmp_path_factory: Any) -> Path:
    """A CSV file of sample candles."""
    path: Path = tmp_path_factory.mktemp("sweep") / "BTC-USDT_1h.csv"
    columns = sample(1600).columns
    rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
    lines = [
        ",".join(map(repr, [time, *row])) for time, row in zip(columns.open_ms.tolist(), rows, strict=True)
    ]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    return path


def test_a_grid_is_every_combination() -> None:
    """Lists and ranges (both ends included) are multiplied out in order."""
    made = grid(EmaCross, TEXTS)

    assert len(made) == 6
    assert made[0] == {"fast": "5", "slow": "20"}
    assert made[-1] == {"fast": "10", "slow": "40"}


@pytest.mark.parametrize("text", ["fast", "fast=1:2", "fast=5:1:1", "fast=1:5:0", "fast=a:b:c"])
def test_a_grid_that_is_none_is_refused(text: str) -> None:
    """A wrong range is told with the way to write it."""
    with pytest.raises(UsageError, match="--param"):
        grid(EmaCross, [text])


def test_a_parameter_given_twice_is_refused() -> None:
    """Otherwise the second would silently replace the first."""
    with pytest.raises(UsageError, match="given twice"):
        grid(EmaCross, ["fast=5", "fast=6"])


def test_values_that_the_strategy_does_not_allow_are_refused() -> None:
    """Unknown names and values out of range are told before anything runs."""
    with pytest.raises(SettingsError, match="did you mean 'fast'"):
        grid(EmaCross, ["fats=5"])
    with pytest.raises(SettingsError, match="between 2 and 500"):
        grid(EmaCross, ["fast=5,501"])


def test_one_process_and_two_agree_with_single_runs(candles: Path) -> None:
    """Each run of a sweep ends with the money of the same run alone; the best comes first."""
    request = Request("ema-cross", candles)
    told: list[tuple[int, int]] = []
    alone = sweep(request, TEXTS, 1)
    shared = sweep(request, TEXTS, 2, lambda done, all_: told.append((done, all_)))
    single = run(Request("ema-cross", candles, {"fast": 10, "slow": 30}))

    assert alone == shared
    assert alone == sorted(alone, key=lambda row: -row.final_equity)
    assert told[-1] == (6, 6)
    found = next(row for row in alone if row.parameters == {"fast": 10, "slow": 30})
    assert single.final_equity == found.final_equity
    assert single.metrics == found.metrics


DIES = """
import os, signal
from pathlib import Path
from cryptobot import Strategy, Parameter

class Dies(Strategy):
    number = Parameter(0, low=0, high=100)

    def on_start(self):
        mark = Path(__file__).with_name(f"mark{self.number}")
        if self.number == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_worker_loses_nothing(candles: Path, tmp_path: Path) -> None:
    """When a worker is killed, what it was doing is run again and all runs come back."""
    (tmp_path / "dies.py").write_text(DIES)
    rows = sweep(Request(str(tmp_path / "dies.py"), candles), ["number=0:7:1"], 2)

    assert list(range(8)) == sorted(row.parameters["number"] for row in rows)
    assert (tmp_path / "mark3").exists()
