"""Configuration as people work on it: config.yaml as a text, roles, secrets, the keyboard."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect


def test_config_yaml_is_edited_with_its_faults_and_its_difference(visitor: Any) -> None:
    """A fault is told beside its line; the difference is shown before it is saved; history takes it back."""
    page = visitor.log_in()
    visitor.open("/settings")
    page.get_by_role("button", name="File", exact=True).click()
    text = page.get_by_role("textbox", name="config.yaml")
    expect(text).to_be_visible()
    text.fill("# mine\ntrade:\n  max_open_orders: many\n")
    expect(page.locator("cb-settings-text .pill")).to_have_text("1 fault")
    expect(page.locator(".gutter .wrong")).to_have_text("3")
    expect(page.locator(".faults")).to_contain_text("max_open_orders")
    expect(page.get_by_role("button", name="Look at the difference")).to_be_disabled()

    text.fill("# mine\ntrade:\n  max_open_orders: 7\n")
    page.get_by_role("button", name="Look at the difference").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".added").filter(has_text="max_open_orders: 7")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()

    expect(page.locator("cb-settings-text .pill")).to_have_text("Unchanged")
    expect(page.locator("cb-settings-history li").first).to_contain_text("whole file replaced")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.locator(".settings li", has_text="max_open_orders").locator(".value")).to_have_text("7")


def test_a_template_is_put_into_the_editor_and_nothing_is_saved(visitor: Any) -> None:
    """What a template brings is seen first; undoing the edits gives the file's own text back."""
    page = visitor.log_in()
    visitor.open("/settings")
    page.get_by_role("button", name="File", exact=True).click()
    text = page.get_by_role("textbox", name="config.yaml")
    before = text.input_value()
    page.get_by_role("button", name="Start from a template").click()
    page.get_by_role("dialog").get_by_label("Template").select_option("grid-trader")
    page.get_by_role("dialog").get_by_role("button", name="Put it into the editor").click()

    expect(text).to_have_value(re.compile("strategy: grid"))
    expect(page.locator("cb-settings-text .pill")).to_have_text("Allowed")
    page.get_by_role("button", name="Undo my edits").click()
    expect(text).to_have_value(before)
    with page.expect_download() as told:
        page.get_by_role("link", name="Export").click()
    assert told.value.suggested_filename == "cryptobot-config.yaml"


def test_a_file_is_imported_and_saved_after_its_difference_was_seen(visitor: Any, tmp_path: Path) -> None:
    """A broken file is explained and cannot be saved; a good one is looked at, saved, and can be undone."""
    page = visitor.log_in()
    visitor.open("/settings")
    page.get_by_role("button", name="File", exact=True).click()
    text = page.get_by_role("textbox", name="config.yaml")
    expect(text).to_be_visible()
    verdict = page.locator("cb-settings-text .pill").first
    for name, content in (("broken.yaml", "trade: [1,\n"), ("mine.yaml", "trade:\n  max_open_orders: 9\n")):
        (tmp_path / name).write_text(content)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Import a file").click()
        chooser.value.set_files(tmp_path / name)
        expect(text).to_have_value(content)
        expect(verdict).to_have_text("1 fault" if name == "broken.yaml" else "Allowed")
        saving = page.get_by_role("button", name="Look at the difference")
        expect(saving).to_be_disabled() if name == "broken.yaml" else expect(saving).to_be_enabled()
    saving.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".added").filter(has_text="max_open_orders: 9")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Form", exact=True).click()
    row = page.locator(".settings li", has_text="max_open_orders")
    expect(row.locator(".value")).to_have_text("9")
    expect(page.locator("cb-settings-history li").first).to_contain_text("whole file replaced")


def test_a_setting_of_few_values_is_chosen_from_them(visitor: Any) -> None:
    """No typing where there is nothing to type: the form offers what is allowed."""
    page = visitor.log_in()
    visitor.open("/settings")
    page.get_by_role("button", name="Change bus.transport").click()
    choice = page.get_by_role("dialog").get_by_role("combobox")
    expect(choice).to_have_value("auto")
    assert "tcp" in choice.locator("option").all_inner_texts()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Change dashboard.open_to_network").click()
    expect(page.get_by_role("dialog").get_by_role("combobox")).to_have_value("false")


def test_a_new_master_key_asks_again_who_it_is(visitor: Any) -> None:
    """A proof that is too old opens a dialog; a wrong password changes nothing, the right one does it."""
    visitor.platform.command("proofs-end")
    visitor.expected = ("403", "409")
    page = visitor.log_in()
    visitor.open("/secrets")
    page.get_by_role("button", name="Store a secret").click()
    dialog = page.locator("#confirm")
    dialog.get_by_label("Name").fill("binance.api_secret")
    dialog.get_by_label("Value").fill("hunter4-hunter4-hunter4")
    dialog.get_by_role("button", name="Keep it").click()
    again = page.get_by_role("dialog", name="Is it you?")
    again.get_by_label("Code or password").fill("guess")
    again.get_by_role("button", name="Go on").click()
    expect(again.get_by_role("alert")).to_contain_text("not right")
    again.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("cb-secrets")).to_contain_text("No secret yet")

    page.get_by_role("button", name="Store a secret").click()
    dialog.get_by_label("Name").fill("binance.api_secret")
    dialog.get_by_label("Value").fill("hunter4-hunter4-hunter4")
    dialog.get_by_role("button", name="Keep it").click()
    again.get_by_label("Code or password").fill(visitor.platform.password)
    again.get_by_role("button", name="Go on").click()
    row = page.locator("cb-secrets tr", has_text="binance.api_secret")
    expect(row).to_be_visible()
    page.get_by_role("button", name="New master key").click()
    dialog.get_by_role("button", name="Make one").click()
    expect(page.locator("#toasts")).to_contain_text("All secrets have a new master key")
    row.get_by_role("button", name="Remove binance.api_secret").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator("cb-secrets")).to_contain_text("No secret yet")


def test_a_role_is_made_for_single_resources_and_given(visitor: Any) -> None:
    """The built-in ones stay; a role of one's own says for which strategies it holds."""
    page = visitor.log_in()
    visitor.open("/users")
    roles = page.locator("cb-roles")
    expect(roles.get_by_role("button", name="Edit admin")).to_have_count(0)
    page.get_by_role("button", name="Make a role").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("night-watch")
    dialog.get_by_label("trade.read", exact=True).check()
    dialog.get_by_label("strategy.control: only these strategies").fill("ema-*, dip")
    expect(dialog.get_by_label("strategy.control", exact=True)).to_be_checked()
    dialog.get_by_role("button", name="Save").click()

    row = roles.locator("tr", has_text="night-watch")
    expect(row).to_contain_text("strategy.control on ema-*")
    expect(row).to_contain_text("strategy.control on dip")
    expect(page.get_by_label("Role of viewer").locator("option", has_text="night-watch")).to_have_count(1)
    row.get_by_role("button", name="Remove night-watch").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(roles).not_to_contain_text("night-watch")


def test_a_secret_goes_in_and_never_comes_out(visitor: Any) -> None:
    """It is listed by name and age; no answer and no page holds its value; it can be changed and removed."""
    page = visitor.log_in()
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.text()) if "/api/" in answer.url else None)
    visitor.open("/secrets")
    page.get_by_role("button", name="Store a secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("binance.api_key")
    dialog.get_by_label("Value").fill("hunter2-hunter2-hunter2")
    dialog.get_by_role("button", name="Keep it").click()
    row = page.locator("cb-secrets tr", has_text="binance.api_key")
    expect(row).to_contain_text("after 90 days")

    row.get_by_role("button", name="Change binance.api_key").click()
    dialog.get_by_label("New value").fill("hunter3-hunter3-hunter3")
    dialog.get_by_role("button", name="Keep it").click()
    expect(row.locator("td").nth(2)).to_have_text("2")
    row.get_by_role("button", name="Remove binance.api_key").click()
    dialog.get_by_role("button", name="Remove").click()

    expect(page.locator("cb-secrets")).to_contain_text("No secret yet")
    assert "hunter" not in page.content()
    assert not any("hunter" in text for text in answers)


def test_keys_lead_from_page_to_page(visitor: Any) -> None:
    """g and a letter goes there, / is the filter, ? lists all; letters typed into a field are letters."""
    page = visitor.log_in()
    expect(page.locator("cb-link-pill")).to_have_text("Live")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    expect(page.locator("cb-link-pill")).to_have_text("Live")
    page.keyboard.press("/")
    expect(page.get_by_label("Filter")).to_be_focused()
    page.keyboard.type("gt?")
    expect(page.get_by_label("Filter")).to_have_value("gt?")
    page.get_by_role("heading", level=1).click()

    page.keyboard.press("?")

    expect(page.get_by_role("dialog")).to_contain_text("Light or dark")


def test_fills_are_filtered_and_taken_away_as_a_table(visitor: Any) -> None:
    """Only the side that was asked for is listed, words find the rest, and the CSV is a download."""
    page = visitor.log_in()
    visitor.open("/fills")
    rows = page.locator("cb-fills tbody tr")
    expect(rows.nth(1)).to_be_visible()
    page.get_by_label("Side").select_option("buy")
    expect(rows.filter(has_not_text=re.compile("buy", re.IGNORECASE))).to_have_count(0)
    page.get_by_label("Filter").fill("no such market")
    expect(page.locator("cb-fills")).to_contain_text("Nothing matches")
    with page.expect_download() as told:
        page.get_by_role("link", name="CSV").click()

    text = told.value.path().read_text()
    assert text.startswith("id,order_id,")
