"""A backtest from the page: started, followed to its end, read."""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
LEFT_OUT = ("paper", "data", "trade", "strategy", "monitor")
HOUR_MS = 3_600_000


def _waves(count: int) -> Iterator[str]:
    """Hours of a price that swings, so that a cross of averages trades."""
    for index in range(count):
        price = 1000 + 100 * math.sin(index / 20)
        open_ms = (472_222 + index) * HOUR_MS
        row = (open_ms, price, price + 5, price - 5, price + 1, 10)
        yield ",".join(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, real_home: Any) -> Iterator[Any]:
    """Bus, auth, backtest and dashboard; no market, but candles in a file."""
    folder = tmp_path_factory.mktemp("laboratory") / "home"
    made = real_home(folder, "up", "--set", "services.backtest.enabled=true", without=LEFT_OUT)
    rows = ["timestamp,open,high,low,close,volume", *_waves(3000)]
    (folder / "waves.csv").write_text("\n".join(rows) + "\n")
    yield made
    made.close()


def test_a_backtest_is_started_followed_and_read(visitor: Any) -> None:
    """From the form to the figures, the curve and the report, which knows nothing of the session."""
    visitor.expected = ("404", "favicon")
    page = visitor.log_in()
    visitor.open("/backtests")
    page.get_by_role("button", name="New backtest").click()
    page.get_by_label("Strategy").fill("ema-cross")
    page.get_by_label("Candles").fill(str(visitor.platform.home / "waves.csv"))
    page.get_by_role("button", name="Start", exact=True).click()
    table = page.locator("cb-backtests")
    expect(table.get_by_text("Done", exact=True)).to_be_visible(timeout=90_000)

    table.get_by_role("checkbox").check()
    expect(page.get_by_role("heading", name="Equity")).to_be_visible()
    # A chart that is made anew after the theme was changed, and the one before it, which is gone.
    for _ in range(2):
        page.locator("#theme").click()
        table.get_by_role("checkbox").uncheck()
        expect(page.get_by_role("heading", name="Equity")).to_be_hidden()
        table.get_by_role("checkbox").check()
        expect(page.locator("cb-backtests .chart canvas").first).to_be_visible()
    page.locator("#theme").click()
    with visitor.context.expect_page() as opened:
        table.get_by_role("link", name="Report").click()

    expect(opened.value.get_by_role("heading", name="Settings of the run")).to_be_visible(timeout=60_000)
    assert opened.value.evaluate("window.origin") == "null"


def test_the_trust_score_of_a_strategy_is_asked_for_and_shown(visitor: Any) -> None:
    """It ends with a number in its colour."""
    visitor.expected = ("404", "favicon")
    page = visitor.log_in()
    visitor.open("/backtests")
    page.get_by_role("button", name="New backtest").click()
    page.get_by_label("Strategy").fill("ema-cross")
    page.get_by_label("Candles").fill(str(visitor.platform.home / "waves.csv"))
    page.get_by_label("What").select_option("trust")
    page.get_by_role("button", name="Start", exact=True).click()
    row = page.locator("cb-backtests tbody tr", has_text="Trust score")

    expect(row.get_by_text("Done", exact=True)).to_be_visible(timeout=120_000)
    expect(row.locator("td").nth(9).locator(".pill")).to_have_text(re.compile(r"^\d+$"))


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
