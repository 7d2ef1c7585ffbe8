"""The first run of an empty home: from the address that the command line prints to the first fill."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
PASSWORD = "violet-harbour-49-stone"
FILL_MS = 150_000
START_MS = 60_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, real_home: Any) -> Iterator[Any]:
    """`cryptobot up` in an empty home; what it printed is kept."""
    made = real_home(tmp_path_factory.mktemp("first") / "home", "up")
    yield made
    made.close()


def token_of(home: Path) -> str:
    """The set-up token, as the command line reads it."""
    return (home / "keys" / "setup-token").read_text().strip()


def test_nothing_trades_before_somebody_said_what(visitor: Any) -> None:
    """The packaged strategy stands still and says why; no order was sent."""
    (run,) = json.loads(visitor.platform.run("strategy", "list", "--json"))["strategies"]

    assert run["state"] == "STOPPED"
    assert "first-run wizard" in run["reason"]
    assert json.loads(visitor.platform.run("orders", "--json")) == []


def test_from_sign_up_to_the_first_fill_in_three_screens(visitor: Any) -> None:
    """A wrong token opens nothing, a weak password is explained; then goal, demo, and a bot that trades."""
    platform = visitor.platform
    address = f"setup#{token_of(platform.home)}"
    assert platform.url + address in platform.run("dashboard", "--json")
    visitor.expected = ("409",)
    page = visitor.open("/setup#guess")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("not the set-up token")

    page.goto("about:blank")
    visitor.open(f"/{address}")
    expect(page.get_by_label("Set-up token")).to_be_hidden()
    expect(page).to_have_url(re.compile("/setup$"))
    for word in ("passwordpassword", PASSWORD):
        page.get_by_label("Password", exact=True).fill(word)
        page.get_by_label("Password again").fill(word)
        page.get_by_role("button", name="Go on").click()
        if word != PASSWORD:
            expect(page.get_by_role("alert")).to_contain_text("too weak")
    expect(page.get_by_role("heading", name="What shall your bot do?")).to_be_visible()
    visitor.open("/")
    expect(page.get_by_text("Nothing trades yet.")).to_be_visible()
    page.get_by_role("link", name="Say what your bot shall do").click()
    page.get_by_label("Trend follower").check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Start the bot").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview", timeout=START_MS)
    visitor.open("/fills")
    expect(page.locator("cb-fills tbody tr", has_text="trend").first).to_be_visible(timeout=FILL_MS)


def test_the_wizard_is_closed_afterwards(visitor: Any) -> None:
    """Its address leads to the login; the chosen password opens the dashboard, and no file holds it."""
    page = visitor.open("/setup")
    expect(page).to_have_url(re.compile("/login$"))

    page = visitor.log_in(password=PASSWORD)

    expect(page.locator("cb-link-pill")).to_have_text("Live")
    expect(page.get_by_text("Nothing trades yet.")).to_have_count(0)
    keys = visitor.platform.home / "keys"
    assert [path.name for path in keys.iterdir() if path.name in ("setup-token", "initial-password")] == []
