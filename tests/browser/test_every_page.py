"""What holds on every page: the note on the prices, no fault of axe, no complaint, a phone's width."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptobot.dashboard.pages import registry
from playwright.sync_api import expect

LIVE_PAGES = [
    "/",
    "/markets",
    "/strategies",
    "/orders",
    "/fills",
    "/portfolio",
    "/services",
    "/bus",
    "/logs",
    "/audit",
    "/settings",
    "/users",
    "/keys",
    "/alerts",
    "/backtests",
    "/risk",
    "/doctor",
    "/analytics",
    "/notifications",
    "/secrets",
    "/api",
    "/updates",
]


@pytest.fixture(scope="module")
def cookies(browser: Any, platform: Any) -> Iterator[list[Any]]:
    """The cookies of one login, for all tests of this module."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(platform.url + "login")
    page.get_by_label("Password").fill(platform.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    kept = context.cookies()
    context.close()
    yield kept


@pytest.mark.parametrize("path", ["/login", "/setup", "/welcome", "/account", *LIVE_PAGES])
def test_every_page_is_honest_accessible_and_fits(
    visitor: Any, cookies: list[Any], assert_sound: Any, path: str
) -> None:
    """It says that prices are recorded; axe finds nothing in both themes; nothing sticks out on a phone."""
    if path not in ("/login", "/setup"):
        visitor.context.add_cookies(cookies)
    page = visitor.page
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    visitor.open(path)
    if path in LIVE_PAGES:
        expect(page.locator("cb-link-pill")).to_have_text("Live")
        expect(page.locator("main .skeleton")).to_have_count(0)

    expect(page.get_by_role("note")).to_contain_text("played faster than the clock")
    assert_sound(page)


def test_every_page_of_the_menu_is_looked_at() -> None:
    """A page that is added without a line above is a fault of this file."""
    assert {page.path for page in registry.found()} == set(LIVE_PAGES)
