"""The reference run: 106,255 real candles, 1,503 trades, made by an independent program."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptobot.services.backtest.run import Request, Result, run
from cryptobot.services.backtest.world import Rules

SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CANDLES = SHARED / "backtest" / "real_btc_1m.parquet"
TRADES = SHARED.parent / "bench" / "backtest" / "reference-trades.json"
PARAMETERS = {"fast": 10, "slow": 50}

pytestmark = pytest.mark.skipif(
    not CANDLES.exists() or not TRADES.exists(), reason="the shared test data are not there"
)


@pytest.fixture(scope="module")
def reference() -> Any:
    return json.loads(TRADES.read_text())


@pytest.fixture(scope="module")
def ours() -> Result:
    return run(Request("ema-cross", CANDLES, PARAMETERS))


def test_every_trade_is_the_references(reference: Any, ours: Result) -> None:
    """All 1,503 trades have the reference's candles and prices, its amounts and its gains."""
    assert len(reference["trades"]) == len(ours.trades) == 1503
    for trade, (entry, exit_, paid, got, amount, gain) in zip(ours.trades, reference["trades"], strict=True):
        assert (entry, exit_) == (trade.entry_bar, trade.exit_bar)
        assert (paid, got) == (float(trade.entry_price), float(trade.exit_price))
        assert amount == pytest.approx(float(trade.qty), rel=1e-12)
        assert gain == pytest.approx(float(trade.pnl_net), abs=1e-9)


def test_the_final_equity_is_the_references(reference: Any, ours: Result) -> None:
    """Money in exact decimals ends where the reference's floats end."""
    assert reference["final_equity"] == pytest.approx(float(ours.final_equity), abs=1e-9)
    assert isinstance(ours.final_equity, Decimal)


def test_every_candle_and_wake_mode_agree_to_the_last_digit(ours: Result) -> None:
    """Calling the strategy on each candle changes nothing."""
    every = run(Request("ema-cross", CANDLES, PARAMETERS, Rules(every=True)))

    assert every.trades == ours.trades
    assert every.final_equity == ours.final_equity
    assert every.outcome.calls > 30 * ours.outcome.calls


def test_the_run_hash_is_stable_and_tells_settings_apart(ours: Result) -> None:
    """The same run has the same hash; another fee another one."""
    again = run(Request("ema-cross", CANDLES, PARAMETERS))
    other = run(Request("ema-cross", CANDLES, PARAMETERS, Rules(fee=Decimal("0.002"))))

    assert again.run_hash == ours.run_hash != other.run_hash


def test_the_command_prints_the_run(tmp_path: Path) -> None:
    """`backtest run --json` gives trades, final_equity, metrics and run_hash, and nothing else on stdout."""
    code = (
        "import sys; from pathlib import Path; from cryptobot.configs.paths import Home;"
        "from cryptobot.services.backtest.cli import main;"
        "sys.exit(main(Home(Path(sys.argv[1])), sys.argv[2:]))"
    )
    options = "--param fast=10 --param slow=50 --cash 10000 --fee 0.001 --lot 0.00001 --fraction 0.95 --json"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "run", "ema-cross", "--data", CANDLES, *options.split()],
        capture_output=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)

    assert 1503 == len(told["trades"]) == told["metrics"]["trades"]
    assert pytest.approx(told["final_equity"], abs=1e-9) == 513.968266756752
    assert len(told["run_hash"]) == 64
