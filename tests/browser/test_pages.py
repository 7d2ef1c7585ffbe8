"""What a person sees and does in the browser, on a live platform."""

import re
from typing import Any

from playwright.sync_api import expect


def test_a_wrong_password_is_told_and_a_right_one_opens_the_overview(visitor: Any) -> None:
    """The form says that name or password is wrong, keeps the name, and lets the right one in."""
    page = visitor.open("/login")
    visitor.expected = ("403",)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.get_by_label("User")).to_have_value("admin")

    visitor.log_in()

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("cb-link-pill")).to_have_text("Live")


def test_the_price_moves_without_anything_being_asked(visitor: Any) -> None:
    """New prices come over the one WebSocket: no request is sent while the page stands."""
    page = visitor.log_in()
    expect(page.locator("cb-ticker")).to_contain_text("BTC/USDT")
    expect(page.locator("cb-figures")).to_contain_text("since midnight")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for _ in range(3):
        before = page.locator("cb-ticker").inner_text()
        expect(page.locator("cb-ticker")).not_to_have_text(before)

    assert [url for url in asked if "/static/" not in url] == []


def test_the_overview_shows_money_markets_and_services(visitor: Any) -> None:
    """Equity, chart, fills, orders, position, balances and the state of every service are there."""
    page = visitor.log_in()

    expect(page.locator("cb-figures")).to_contain_text("USDT")
    expect(page.locator("cb-price-chart canvas").first).to_be_visible()
    expect(page.locator("cb-equity-chart canvas").first).to_be_visible()
    expect(page.locator("cb-fills tbody tr").first).to_be_visible()
    expect(page.locator("cb-orders tbody tr").first).to_contain_text("limit")
    expect(page.locator("cb-positions tbody tr").first).to_contain_text("BTC/USDT")
    expect(page.locator("cb-balances li").first).to_contain_text("BTC")
    expect(page.locator("cb-service-strip a")).to_have_count(7)


def test_halting_asks_first_and_is_seen_everywhere(visitor: Any, browser: Any) -> None:
    """The large button halts trading after a question; another page shows it at once; resuming undoes it."""
    page = visitor.log_in()
    page.get_by_role("button", name="Halt trading").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("cb-trading-pill")).to_have_text("Trading active")
    other = visitor.context.new_page()
    other.goto(visitor.platform.url + "services")
    page.bring_to_front()

    page.get_by_role("button", name="Halt trading").click()
    page.get_by_role("dialog").get_by_role("button", name="Halt trading").click()

    for seen in (page, other):
        expect(seen.locator("cb-trading-pill")).to_have_text("Trading halted")
    page.get_by_role("button", name="Resume trading").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume trading").click()
    expect(other.locator("cb-trading-pill")).to_have_text("Trading active")


def test_a_service_is_stopped_and_started_from_its_card(visitor: Any) -> None:
    """Stop asks first and says who needs it; the card follows the states by itself."""
    page = visitor.log_in()
    visitor.open("/services")
    card = page.locator("#strategy")
    card.get_by_role("button", name="Stop strategy").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    expect(card.get_by_role("status")).to_have_text("Stopped")

    card.get_by_role("button", name="Start strategy").click()

    expect(card.get_by_role("status")).to_have_text("Running")


def test_a_restart_gives_the_service_a_new_process(visitor: Any) -> None:
    """The process number on the card changes."""
    page = visitor.log_in()
    visitor.open("/services")
    card = page.locator("#data")
    before = card.locator("dd").first.inner_text()

    card.get_by_role("button", name="Restart data").click()

    expect(card.locator("dd").first).not_to_have_text(before)
    expect(card.get_by_role("status")).to_have_text("Running")


def test_an_open_order_is_cancelled_from_its_row(visitor: Any) -> None:
    """After a question the order becomes cancelled and leaves the list of the open ones."""
    page = visitor.log_in()
    visitor.open("/orders")
    page.get_by_role("button", name="Open", exact=True).click()
    row = page.locator("cb-orders tbody tr").first
    row.get_by_role("button", name="Cancel").click()

    page.get_by_role("dialog").get_by_role("button", name="Cancel the order").click()

    expect(page.locator("cb-orders")).to_contain_text("No open orders")


def test_a_viewer_sees_and_can_do_nothing(visitor: Any) -> None:
    """Buttons that need a permission are off, and pages of others are not in the menu."""
    page = visitor.log_in("viewer")
    expect(page.get_by_role("button", name="Halt trading")).to_be_disabled()
    expect(page.locator(".sidebar").get_by_role("link", name="Audit")).to_have_count(0)

    visitor.open("/services")
    expect(page.get_by_role("button", name="Stop data")).to_be_disabled()
    visitor.expected = ("403",)
    visitor.open("/audit")

    expect(page.get_by_role("heading", level=1)).to_have_text("Not permitted")


def test_an_alert_and_a_log_line_appear_as_they_happen(visitor: Any) -> None:
    """What the supervisor warns of is on the overview, what a service logs on the page of logs."""
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live")
    visitor.platform.command("alert")
    expect(page.locator("cb-alerts")).to_contain_text("Little disk space")

    visitor.open("/logs")
    expect(page.locator("cb-link-pill")).to_have_text("Live")
    visitor.platform.command("log")

    expect(page.locator("cb-logs")).to_contain_text("feed is slow")


def test_the_theme_is_kept(visitor: Any) -> None:
    """The choice between light and dark survives the next page."""
    page = visitor.log_in()
    before = page.locator("html").get_attribute("data-theme")

    page.locator("#theme").click()
    visitor.open("/services")

    expect(page.locator("html")).not_to_have_attribute("data-theme", before or "")


def test_the_page_works_by_keyboard(visitor: Any) -> None:
    """The first stop is the way past the menu; Escape closes the question."""
    page = visitor.log_in()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("button", name="Halt trading").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("cb-trading-pill")).to_have_text("Trading active")


def test_logging_out_ends_the_session(visitor: Any) -> None:
    """Back leads to the login, not to the page."""
    page = visitor.log_in()

    page.get_by_role("button", name="Log out").first.click()
    expect(page).to_have_url(re.compile("/login$"))
    visitor.open("/")

    expect(page).to_have_url(re.compile("/login$"))


def test_a_revoked_session_leads_to_the_login_at_once(visitor: Any) -> None:
    """The open page does not wait for the next click."""
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live")

    visitor.platform.command("revoke")

    expect(page).to_have_url(re.compile("/login$"))


def test_a_setting_is_changed_and_undone(visitor: Any) -> None:
    """A wrong value is explained in the dialog; a right one is saved, listed, and taken back."""
    page = visitor.log_in()
    visitor.expected = ("409",)
    visitor.open("/settings")
    page.get_by_role("button", name="Change trade.max_open_orders").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("many")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("max_open_orders")

    for value in ("5", "6"):
        if not dialog.is_visible():
            page.get_by_role("button", name="Change trade.max_open_orders").click()
        dialog.get_by_role("textbox").fill(value)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
    row = page.locator(".settings li", has_text="max_open_orders")
    expect(row.locator(".value")).to_have_text("6")
    page.get_by_role("button", name="Back to this").last.click()

    expect(row.locator(".value")).to_have_text("5")
    expect(page.locator("cb-settings-history li")).to_have_count(3)


def test_a_user_is_added_and_the_password_shown_once(visitor: Any) -> None:
    """The generated password is in the dialog, the new account in the table."""
    page = visitor.log_in()
    visitor.open("/users")
    page.get_by_role("button", name="Add a user").click()
    page.get_by_role("dialog").get_by_label("Name").fill("eve")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.get_by_role("dialog").locator(".secret")).to_have_text(re.compile("^[a-z0-9-]+$"))

    page.get_by_role("dialog").get_by_role("button", name="Done").click()

    expect(page.locator("cb-users")).to_contain_text("eve")


def test_the_tail_of_the_bus_can_be_filtered_and_paused(visitor: Any) -> None:
    """Only what was asked for is shown, and it stands still while paused."""
    page = visitor.log_in()
    visitor.open("/bus")
    page.get_by_label("Filter").fill("market.candle")
    lines = page.locator("cb-tail summary b")
    expect(lines.filter(has_not_text="market.candle")).to_have_count(0)
    expect(lines.nth(3)).to_be_visible()
    assert set(lines.all_inner_texts()) == {"market.candle.paper.BTC-USDT.1s"}

    page.get_by_role("button", name="Pause").click()
    count = lines.count()
    page.wait_for_timeout(700)

    assert lines.count() == count


def test_the_market_page_draws_history_and_volume(visitor: Any) -> None:
    """Older candles are asked once, and the market of the chart can be chosen."""
    page = visitor.log_in()
    with page.expect_response(lambda answer: "/api/v1/candles" in answer.url) as told:
        visitor.open("/markets")

    assert told.value.status == 200
    expect(page.locator("cb-price-chart canvas").first).to_be_visible()
    expect(page.locator("cb-market-tabs button")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("cb-book li")).to_have_count(21)
    expect(page.locator("cb-tape li").first).to_contain_text("0.12")


def test_the_first_page_is_light(visitor: Any) -> None:
    """Login and overview together, with a cold cache, are below 300 KB on the wire."""
    page = visitor.open("/login")
    sizes = "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
    weight = page.evaluate(f"{sizes}.reduce((sum, one) => sum + one.transferSize, 0)")
    visitor.log_in()
    expect(page.locator("cb-price-chart canvas").first).to_be_visible()

    weight += page.evaluate(f"{sizes}.reduce((sum, one) => sum + one.transferSize, 0)")

    assert 50_000 < weight < 300_000
