"""The real platform in the browser: from the first password to the first fill, and killed processes."""

import os
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
