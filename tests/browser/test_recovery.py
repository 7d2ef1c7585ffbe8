"""What the page does when something beneath it goes away."""

from typing import Any

from playwright.sync_api import expect

# The bus counts as silent after 3.5 s, a lost connection is tried again within 8 s.
PATIENCE_MS = 60_000


def test_the_page_says_that_the_bus_is_away_and_recovers_by_itself(visitor: Any) -> None:
    """After kill -9 of the broker a banner says that the page is old; it goes when the broker is back."""
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live")

    visitor.platform.command("bus-stop")
    expect(page.get_by_role("alert")).to_contain_text("The message bus is away", timeout=PATIENCE_MS)
    visitor.platform.command("bus-start")

    expect(page.locator("cb-link-pill")).to_have_text("Live", timeout=PATIENCE_MS)
    expect(page.get_by_role("alert")).to_have_count(0)
    before = page.locator("cb-ticker").inner_text()
    expect(page.locator("cb-ticker")).not_to_have_text(before, timeout=PATIENCE_MS)


def test_the_page_survives_a_restart_of_the_dashboard(visitor: Any) -> None:
    """The open page connects again to the same address, still logged in."""
    visitor.expected = ("WebSocket", "ERR_CONNECTION", "Failed to load resource")
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live")

    visitor.platform.command("dashboard-stop")
    expect(page.get_by_role("alert")).to_contain_text(
        "connection to the dashboard is lost", timeout=PATIENCE_MS
    )
    visitor.platform.command("dashboard-start")

    expect(page.locator("cb-link-pill")).to_have_text("Live", timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
