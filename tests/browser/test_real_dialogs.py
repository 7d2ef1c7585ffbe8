"""Dialogs in front of a real platform whose strategy buys once and never sells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
PATIENCE_MS = 120_000
HOLDER = """
from cryptobot import Strategy


class Holder(Strategy):
    title = "Buys once"
    bought = False

    def on_candle(self, candle):
        if not self.bought:
            self.bought = True
            self.buy(cash=500, reason="to have something")
"""
SETTINGS = """
data:
  symbols: [BTC/USDT]
strategy:
  instances:
    holder:
      strategy: holder
      symbol: BTC/USDT
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, real_home: Any) -> Iterator[Any]:
    """A home with a strategy and settings of its own."""
    folder = tmp_path_factory.mktemp("holder") / "home"
    (folder / "strategies").mkdir(parents=True)
    (folder / "strategies" / "holder.py").write_text(HOLDER)
    (folder / "config.yaml").write_text(SETTINGS)
    made = real_home(folder, "up")
    yield made
    made.close()


def test_limits_are_set_on_the_card_of_a_service(visitor: Any) -> None:
    """What is allowed is on the card and in config.yaml at once, and can be taken away."""
    page = visitor.log_in()
    visitor.open("/services")
    card = page.locator("#monitor")
    for amount, shown in (("700", "of 700 MiB"), ("", None)):
        card.get_by_role("button", name="Limits of monitor").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Memory in MiB").fill(amount)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden(timeout=PATIENCE_MS)
        memory = card.locator(".meter b").nth(1)
        if shown:
            expect(memory).to_contain_text(shown, timeout=PATIENCE_MS)
            asked = visitor.platform.run("config", "get", "services.monitor.memory_limit_bytes")
            assert int(asked) == 700 << 20
        else:
            expect(memory).not_to_contain_text("of", timeout=PATIENCE_MS)


def test_a_limit_out_of_range_is_explained_in_the_dialog(visitor: Any) -> None:
    """Less than a process can live with is refused where it was typed."""
    page = visitor.log_in()
    visitor.open("/services")
    page.locator("#monitor").get_by_role("button", name="Limits of monitor").click()
    box = page.get_by_role("dialog").get_by_label("Memory in MiB")
    box.fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()

    assert not box.evaluate("(box) => box.checkValidity()")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_position_is_closed_from_the_page(visitor: Any) -> None:
    """After a question all that is held is sold at the market, with the person's name on the order."""
    page = visitor.log_in()
    visitor.open("/portfolio")
    close = page.get_by_role("button", name="Close BTC/USDT")
    expect(close).to_be_visible(timeout=PATIENCE_MS)
    close.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    close.click()
    page.get_by_role("dialog").get_by_role("button", name="Close the position").click()
    expect(page.locator("#toasts")).to_contain_text("is being closed")

    visitor.open("/orders")
    page.get_by_label("Side").select_option("sell")
    sold = page.locator("cb-orders tbody tr", has_text="closed by admin in the dashboard")
    expect(sold).to_contain_text("Filled", timeout=PATIENCE_MS)
    orders = json.loads(visitor.platform.run("orders", "--json"))
    assert [one["side"] for one in orders if one["side"] == "sell"] == ["sell"]


def test_positions_are_filtered_and_taken_away_as_a_table(visitor: Any) -> None:
    """Words above the table find a market; the CSV is a download."""
    page = visitor.log_in()
    visitor.open("/portfolio")
    expect(page.locator("cb-positions tbody tr")).to_have_count(1, timeout=PATIENCE_MS)
    page.get_by_label("Filter").fill("no such market")
    expect(page.locator("cb-positions")).to_contain_text("Nothing matches")
    with page.expect_download() as told:
        page.locator("section", has=page.locator("cb-positions")).get_by_role("link", name="CSV").click()

    assert Path(told.value.path()).read_text().startswith("exchange,symbol,")
