"""The page that describes the API and lets a person try it, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_an_address_is_found_asked_and_its_answer_shown(visitor: Any) -> None:
    """The description becomes forms; what is asked is answered with the person's own permissions."""
    visitor.log_in()
    visitor.open("/api")
    page = visitor.page
    page.get_by_label("Find an address").fill("positions")

    route = page.locator("details:visible", has_text="/api/v1/positions").first
    route.locator("summary").click()
    route.get_by_role("button", name="Ask").click()

    answer = page.get_by_role("region", name="Answer").first
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"positions"')


def test_a_wrong_body_is_explained_on_the_page(visitor: Any) -> None:
    """What the API refuses is shown as its sentence."""
    visitor.log_in()
    visitor.open("/api")
    page = visitor.page
    route = page.locator("details", has_text="Halt, reduce or re-arm").first
    route.locator("summary").click()
    visitor.expected = ("400",)
    route.get_by_label("Body (JSON)").fill('{"state": "OFF"}')
    route.get_by_role("button", name="Send").click()

    expect(page.get_by_role("region", name="Answer").first).to_contain_text("OFF")
