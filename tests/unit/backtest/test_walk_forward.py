"""Choices know only what lies before them."""

from pathlib import Path

import numpy as np
import pytest
from cryptobot.configs.errors import UsageError
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.run import Request
from cryptobot.services.backtest.walk_forward import walk_forward
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import NAMES, Columns

TEXTS = ["fast=3,8", "slow=20,40"]
RULES = Rules(warmup=100)


def written(path: Path, columns: Columns) -> Path:
    rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
    lines = [
        ",".join(map(repr, [time, *row])) for time, row in zip(columns.open_ms.tolist(), rows, strict=True)
    ]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    return path


def test_steps_follow_each_other_and_multiply(tmp_path: Path) -> None:
    """Each step trades the candles behind those it chose on; together they cover the file without overlap."""
    path = written(tmp_path / "BTC-USDT_1h.csv", sample(1500).columns)
    told: list[tuple[int, int]] = []
    found = walk_forward(
        Request("ema-cross", path, rules=RULES),
        TEXTS,
        600,
        200,
        1,
        lambda done, all_: told.append((done, all_)),
    )

    assert 4 == len(found.steps) == told[-1][0]
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert after.from_ms - before.from_ms == 200 * 3_600_000
        assert before.to_ms < after.from_ms
    earned = np.prod([1 + step.earned for step in found.steps]) - 1
    assert earned == pytest.approx(found.earned)


def test_what_follows_changes_no_choice(tmp_path: Path) -> None:
    """With other candles behind it, a step chooses the same parameters."""
    columns = sample(1500).columns
    whole = walk_forward(
        Request("ema-cross", written(tmp_path / "a.csv", columns), rules=RULES), TEXTS, 600, 200, 1
    )
    prices = {name: getattr(columns, name).copy() for name in NAMES}
    for name in NAMES[:4]:
        prices[name][700:] = prices[name][700:][::-1] if name in ("open", "close") else prices[name][700:]
    prices["high"] = np.maximum(prices["high"], np.maximum(prices["open"], prices["close"]))
    prices["low"] = np.minimum(prices["low"], np.minimum(prices["open"], prices["close"]))
    other = Columns(columns.open_ms, *(prices[name] for name in NAMES))
    turned = walk_forward(
        Request("ema-cross", written(tmp_path / "b.csv", other), rules=RULES), TEXTS, 600, 200, 1
    )

    assert whole.steps[0].chosen == turned.steps[0].chosen
    assert whole.steps[0].learnt == turned.steps[0].learnt
    assert whole.steps[0].earned != turned.steps[0].earned


def test_too_few_candles_are_told(tmp_path: Path) -> None:
    """A file too short for one step is refused with what a step needs."""
    path = written(tmp_path / "a.csv", sample(300).columns)

    with pytest.raises(UsageError, match="needs 900 candles"):
        walk_forward(Request("ema-cross", path, rules=RULES), TEXTS, 600, 200, 1)
