"""The real platform in the browser: from the first password to the first fill, and killed processes."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
FILL_MS = 120_000
HEAL_MS = 60_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, real_home: Any) -> Iterator[Any]:
    """One demo for the tests of this module."""
    made = real_home(tmp_path_factory.mktemp("demo") / "home", "demo")
    yield made
    made.close()


def test_from_the_first_password_to_the_first_fill(visitor: Any) -> None:
    """The printed password opens the page, prices move, and within two minutes the bot has traded."""
    page = visitor.log_in()

    expect(page.get_by_role("note")).to_contain_text("recorded")
    before = page.locator("cb-ticker").inner_text()
    expect(page.locator("cb-ticker")).not_to_have_text(before, timeout=HEAL_MS)
    expect(page.locator("cb-fills tbody tr").first).to_be_visible(timeout=FILL_MS)
    expect(page.locator("cb-figures")).to_contain_text("USDT")


def test_a_service_is_restarted_from_the_page(visitor: Any) -> None:
    """The supervisor carries it out: another process number, running again."""
    page = visitor.log_in()
    visitor.open("/services")
    card = page.locator("#strategy")
    expect(card.get_by_role("status")).to_have_text("Running", timeout=HEAL_MS)
    before = visitor.platform.pid("strategy")

    card.get_by_role("button", name="Restart strategy").click()

    expect(card.locator("dd").first).not_to_have_text(str(before), timeout=HEAL_MS)
    expect(card.get_by_role("status")).to_have_text("Running", timeout=HEAL_MS)
    assert visitor.platform.pid("strategy") != before


def test_a_service_is_stopped_and_started_from_the_page(visitor: Any) -> None:
    """Stopped stays stopped until someone starts it."""
    page = visitor.log_in()
    visitor.open("/services")
    card = page.locator("#strategy")
    card.get_by_role("button", name="Stop strategy").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    expect(card.get_by_role("status")).to_have_text("Stopped", timeout=HEAL_MS)

    card.get_by_role("button", name="Start strategy").click()

    expect(card.get_by_role("status")).to_have_text("Running", timeout=HEAL_MS)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX test of the same healing")
@pytest.mark.parametrize("name", ["trade", "data", "bus"])
def test_a_killed_service_is_back_and_the_page_goes_on(visitor: Any, name: str) -> None:
    """kill -9: the card shows a new process, and prices go on moving on a page that nobody reloaded."""
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live", timeout=HEAL_MS)
    before = visitor.platform.pid(name)

    os.kill(before, signal.SIGKILL)

    end = time.monotonic() + HEAL_MS / 1000
    while visitor.platform.pid(name) in (0, before):
        assert time.monotonic() < end, f"{name} is not back"
    expect(page.locator("cb-link-pill")).to_have_text("Live", timeout=HEAL_MS)
    shown = page.locator("cb-ticker").inner_text()
    expect(page.locator("cb-ticker")).not_to_have_text(shown, timeout=HEAL_MS)
    visitor.open("/services")
    expect(page.locator(f"#{name} dd").first).to_have_text(str(visitor.platform.pid(name)), timeout=HEAL_MS)


def test_every_decision_says_why_and_what_it_led_to(visitor: Any) -> None:
    """From the list of decisions to candle, limits, order and fills."""
    page = visitor.log_in()
    visitor.open("/strategies")
    why = page.locator("cb-signals").get_by_role("button", name=re.compile("Why did ema-cross"))
    expect(why.last).to_be_visible(timeout=FILL_MS)
    why.last.click()

    story = page.get_by_role("dialog").locator(".story")
    expect(story).to_contain_text("Candle", timeout=HEAL_MS)
    for word in ("EMA", "Passed: ", "Filled", "fee"):
        expect(story).to_contain_text(word)


def test_a_message_shows_what_caused_it_and_what_followed(visitor: Any) -> None:
    """A fill on the bus leads back to the candle and the decision, and on to the position."""
    page = visitor.log_in()
    visitor.open("/bus")
    page.get_by_label("Filter").fill("fill.")
    line = page.locator("cb-tail li").first
    expect(line).to_be_visible(timeout=FILL_MS)
    line.locator("summary").click()
    line.get_by_role("button", name="What caused it, what followed").click()

    story = page.get_by_role("dialog").locator(".story")
    expect(story).to_contain_text("market.candle.paper.BTC-USDT.1s", timeout=HEAL_MS)
    expect(story).to_contain_text("signal.ema-cross")
    expect(story).to_contain_text("order.")
    expect(story.locator(".here")).to_contain_text("fill.")


def test_parameters_are_changed_by_a_form_and_reset(visitor: Any) -> None:
    """A value outside its range is refused by the form; a good one is in force, and can be taken back."""
    page = visitor.log_in()
    visitor.open("/strategies")
    card = page.locator("cb-strategies article")
    card.get_by_role("button", name="Parameters of ema-cross").click()
    dialog = page.get_by_role("dialog")
    fast = dialog.get_by_label("fast", exact=True)
    fast.fill("0")
    dialog.get_by_role("button", name="Put in force").click()
    assert not fast.evaluate("(box) => box.checkValidity()")
    fast.fill("4")
    dialog.get_by_role("button", name="Put in force").click()
    expect(card.locator(".parameters")).to_contain_text("fast 4", timeout=HEAL_MS)

    card.get_by_role("button", name="Parameters of ema-cross").click()
    dialog.get_by_role("button", name="As in the settings").click()

    expect(card.locator(".parameters")).to_contain_text("fast 3", timeout=HEAL_MS)


def test_logs_of_every_level_appear_as_they_are_written(visitor: Any) -> None:
    """The page of one service shows its lines of before and, without a reload, those of now."""
    page = visitor.log_in()
    visitor.open("/logs?service=trade")
    lines = page.locator("cb-logs li")
    expect(lines.first).to_be_visible(timeout=HEAL_MS)
    expect(page.get_by_label("Service")).to_have_value("trade")
    newest = lines.first.inner_text()

    expect(lines.first).not_to_have_text(newest, timeout=FILL_MS, use_inner_text=True)
    expect(lines.filter(has_not_text="trade")).to_have_count(0)


def test_halting_from_the_page_stops_the_real_trade_service(visitor: Any) -> None:
    """The state comes back from trade, survives a reload, and is lifted again."""
    page = visitor.log_in()
    page.get_by_role("button", name="Halt trading").click(timeout=HEAL_MS)
    page.get_by_role("dialog").get_by_role("button", name="Halt trading").click()
    expect(page.locator("cb-trading-pill")).to_have_text("Trading halted")

    page.reload()
    expect(page.locator("cb-trading-pill")).to_have_text("Trading halted")
    page.get_by_role("button", name="Resume trading").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume trading").click()

    expect(page.locator("cb-trading-pill")).to_have_text("Trading active")
