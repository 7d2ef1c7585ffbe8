"""A backtest from the page: started, followed to its end, read."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
LEFT_OUT = ("paper", "data", "trade", "strategy", "monitor")
HOUR_MS = 3_600_000


class Laboratory:
    """Bus, auth, backtest and dashboard as processes; no market."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        without = [word for name in LEFT_OUT for word in ("--set", f"services.{name}.enabled=false")]
        chosen = ["--set", "dashboard.port=0", "--set", "services.backtest.enabled=true", *without]
        self._run("up", "-d", *chosen)
        self.url = str(json.loads((folder / "run" / "dashboard.json").read_bytes())["url"])
        self.password = (folder / "keys" / "initial-password").read_text().strip()
        self.candles = folder / "waves.csv"
        self.candles.write_text("\n".join(["timestamp,open,high,low,close,volume", *_waves(3000)]) + "\n")

    def _run(self, *words: str) -> None:
        command = [sys.executable, "-m", "cryptobot", "--home", str(self.home), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        """Bring everything down."""
        self._run("down")


def _waves(count: int) -> Iterator[str]:
    """Hours of a price that swings, so that a cross of averages trades."""
    for index in range(count):
        price = 1000 + 100 * math.sin(index / 20)
        open_ms = (472_222 + index) * HOUR_MS
        row = (open_ms, price, price + 5, price - 5, price + 1, 10)
        yield ",".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """One laboratory for the tests of this module."""
    made = Laboratory(tmp_path_factory.mktemp("laboratory") / "home")
    yield made
    made.close()


def test_a_backtest_is_started_followed_and_read(visitor: Any) -> None:
    """From the form to the figures, the curve and the report, which knows nothing of the session."""
    visitor.expected = ("404", "favicon")
    page = visitor.log_in()
    visitor.open("/backtests")
    page.get_by_role("button", name="New backtest").click()
    page.get_by_label("Strategy").fill("ema-cross")
    page.get_by_label("Candles").fill(str(visitor.platform.candles))
    page.get_by_role("button", name="Start", exact=True).click()
    table = page.locator("cb-backtests")
    expect(table.get_by_text("Done", exact=True)).to_be_visible(timeout=90_000)

    table.get_by_role("checkbox").check()
    expect(page.get_by_role("heading", name="Equity")).to_be_visible()
    with visitor.context.expect_page() as opened:
        table.get_by_role("link", name="Report").click()

    expect(opened.value.get_by_role("heading", name="Settings of the run")).to_be_visible(timeout=60_000)
    assert opened.value.evaluate("window.origin") == "null"


def test_a_backtest_of_nothing_says_what_is_missing(visitor: Any) -> None:
    """A file that is not there is one sentence, and no job is left running."""
    visitor.expected = ("400", "404", "409")
    page = visitor.log_in()
    visitor.open("/backtests")
    page.get_by_role("button", name="New backtest").click()
    page.get_by_label("Strategy").fill("ema-cross")
    page.get_by_label("Candles").fill("/nowhere/candles.csv")
    page.get_by_role("button", name="Start", exact=True).click()

    expect(page.locator("#toasts")).to_contain_text("/nowhere/candles.csv", timeout=60_000)
