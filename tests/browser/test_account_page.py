"""One's own account on the real auth service: second factor, passkeys with Chromium's authenticator, keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(300)
LEFT_OUT = ("paper", "data", "trade", "strategy", "monitor")
OWN_PASSWORD = "violet-harbour-49-stone"


@pytest.fixture
def platform(tmp_path: Path, real_home: Any) -> Iterator[Any]:
    """Accounts of its own for every test, reached under a name: passkeys know no addresses."""
    made = real_home(tmp_path / "home", "up", without=LEFT_OUT)
    made.url = made.url.replace("127.0.0.1", "localhost")
    yield made
    made.close()


def log_in_with_code(page: Page, password: str, code: str) -> None:
    """By the form, which asks for the code after the password."""
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Code of your second factor")).to_be_visible()
    page.get_by_label("Password").fill(password)
    page.get_by_label("Code of your second factor").fill(code)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_second_factor_is_set_up_and_asked_for(visitor: Any) -> None:
    """The picture's secret makes codes; the next login asks for one, and a recovery code works instead."""
    visitor.expected = ("403",)
    page = visitor.log_in()
    visitor.open("/account")
    page.get_by_role("button", name="Set up").click()
    page.get_by_role("dialog").get_by_label("Password").fill(visitor.platform.password)
    page.get_by_role("button", name="Go on").click()
    secret = page.get_by_role("dialog").locator("code").inner_text()
    expect(page.get_by_alt_text("QR code of the second factor")).to_be_visible()
    page.get_by_role("dialog").get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Put in force").click()
    codes = page.get_by_role("dialog").locator("pre").inner_text().split()
    page.get_by_role("button", name="I have them").click()
    page.get_by_role("button", name="Log out").click()

    log_in_with_code(page, visitor.platform.password, codes[0])

    assert len(codes) == len(set(codes)) > 5


def test_a_passkey_logs_in(visitor: Any) -> None:
    """Made on the account's page, it opens the dashboard without a password."""
    page = visitor.log_in()
    devices = visitor.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    visitor.open("/account")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("dialog").get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("cb-passkeys")).to_contain_text("My phone")
    page.get_by_role("button", name="Log out").click()

    page.get_by_role("button", name="Use a passkey").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_page_asks_nothing_of_a_service_that_is_switched_off(visitor: Any) -> None:
    """Trade is off here: the overview sends it no request, and one that is sent is answered at once."""
    page = visitor.log_in()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visitor.open("/")
    expect(page.locator("cb-link-pill")).to_have_text("Live")
    expect(page.locator("cb-figures")).to_contain_text("waiting for trade")
    page.wait_for_load_state("networkidle")

    assert [url for url in asked if "/equity" in url] == []
    visitor.expected = ("503",)
    assert refused(visitor, "equity") == 503


def test_sessions_are_seen_and_ended(visitor: Any, browser: Any) -> None:
    """Another browser's session ends at once, and it has to log in again."""
    page = visitor.log_in()
    other = type(visitor)(browser, visitor.platform)
    other.log_in()
    visitor.open("/account")
    sessions = page.locator("cb-sessions")
    expect(sessions).to_contain_text("This session")

    sessions.get_by_role("button", name="End", exact=True).click()

    expect(other.page.get_by_role("button", name="Log in")).to_be_visible(timeout=30_000)
    other.context.close()


def test_a_key_made_on_the_page_opens_the_api(visitor: Any) -> None:
    """Shown once, it reads what it names from a program, and is refused after it was revoked."""
    page = visitor.log_in()
    visitor.open("/keys")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name of the program").fill("my script")
    page.get_by_role("button", name="Make it").click()
    secret = page.get_by_role("dialog").locator("code.secret").inner_text()
    page.get_by_role("button", name="I have it").click()
    program = visitor.context.browser.new_context(ignore_https_errors=True).request
    headers = {"Authorization": f"Bearer {secret}"}
    address = visitor.platform.url.rstrip("/") + "/api/v1/status"

    assert program.get(address, headers=headers).status == 200
    page.get_by_role("button", name="Revoke my script").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("cb-keys")).to_contain_text("No API key yet")
    assert program.get(address, headers=headers).status == 401


def test_each_role_sees_and_can_do_only_what_it_may(visitor: Any, browser: Any) -> None:
    """Trader, viewer and a role of one's own: the menu, the buttons and the API agree."""
    page = visitor.log_in()
    visitor.open("/users")
    page.get_by_role("button", name="Make a role").click()
    page.get_by_role("dialog").get_by_label("Name").fill("keeper")
    for permission in ("service.read", "trade.read", "account.password"):
        page.get_by_role("dialog").get_by_label(permission, exact=True).check()
    page.get_by_role("dialog").get_by_label("service.control: only these services").fill("mon*")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("cb-roles")).to_contain_text("service.control on mon*")
    seen = {
        "trader": ({"Overview", "Strategies", "Orders"}, {"Users", "Settings", "Secrets", "Audit", "Bus"}),
        "viewer": ({"Overview", "Markets"}, {"Users", "Settings", "Secrets", "Audit", "Bus"}),
        "keeper": ({"Overview", "Services"}, {"Markets", "Strategies", "Users", "Secrets"}),
    }
    for role, (shown, hidden) in seen.items():
        other = type(visitor)(browser, visitor.platform)
        new_member(page, other, role)
        menu = set(other.page.locator(".sidebar .menu:not(.only-phone) a").all_inner_texts())
        assert shown <= menu, role
        assert not hidden & menu, role
        assert refused(other, "settings") == refused(other, "secrets") == refused(other, "users") == 403
        assert refused(other, "services/auth/restart", {}) == 403
        allowed = refused(other, "services/monitor/start", {}) != 403
        assert allowed == (role == "keeper")
        other.context.close()


def new_member(page: Page, visitor: Any, role: str) -> None:
    """The admin adds an account of that role; its person logs in and chooses a password."""
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(f"a-{role}")
    dialog.get_by_label("Role").select_option(role)
    dialog.get_by_role("button", name="Add").click()
    given = dialog.locator(".secret").inner_text()
    dialog.get_by_role("button", name="Done").click()
    other = visitor.open("/login")
    other.get_by_label("User").fill(f"a-{role}")
    other.get_by_label("Password").fill(given)
    other.get_by_role("button", name="Log in").click()
    other.get_by_label("Password now").fill(given)
    for label in ("New password", "New password again"):
        other.get_by_label(label, exact=True).fill(OWN_PASSWORD)
    other.get_by_role("button", name="Change it").click()
    expect(other.get_by_text("The password is changed.")).to_be_visible()
    visitor.open("/")
    expect(other.get_by_role("heading", level=1)).to_have_text("Overview")


def refused(visitor: Any, path: str, body: object = None) -> int:
    """The status of a call that the page's own script could make."""
    return int(
        visitor.page.evaluate(
            """async ([path, body]) => {
                const token = document.querySelector('meta[name="csrf-token"]').content;
                const headers = { "X-CSRF-Token": token, "Content-Type": "application/json" };
                const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : {};
                return (await fetch(`/api/v1/${path}`, options)).status;
            }""",
            [path, body],
        )
    )


def test_new_recovery_codes_replace_the_old_ones(visitor: Any) -> None:
    """Without setting the phone up again; a code of before logs nobody in, one of the new ones does."""
    visitor.expected = ("403",)
    page = visitor.log_in()
    visitor.open("/account")
    factor = page.locator("cb-second-factor")
    factor.get_by_role("button", name="Set up").click()
    page.get_by_role("dialog").get_by_label("Password").fill(visitor.platform.password)
    page.get_by_role("button", name="Go on").click()
    secret = page.get_by_role("dialog").locator("code").inner_text()
    page.get_by_role("dialog").get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Put in force").click()
    old = page.get_by_role("dialog").locator("pre").inner_text().split()
    page.get_by_role("button", name="I have them").click()
    expect(factor).to_contain_text("10 recovery codes are left")

    factor.get_by_role("button", name="New recovery codes").click()
    page.get_by_role("dialog").get_by_role("button", name="Make them").click()
    new = page.get_by_role("dialog").locator("pre").inner_text().split()
    page.get_by_role("button", name="I have them").click()
    page.get_by_role("button", name="Log out").click()

    assert len(new) == 10
    assert not set(new) & set(old)
    page.get_by_label("Password").fill(visitor.platform.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Password").fill(visitor.platform.password)
    page.get_by_label("Code of your second factor").fill(old[0])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    log_in_with_code_only(page, visitor.platform.password, new[0])
    visitor.open("/account")
    expect(page.locator("cb-second-factor")).to_contain_text("9 recovery codes are left")


def log_in_with_code_only(page: Page, password: str, code: str) -> None:
    """On a form that asks for the code already."""
    page.get_by_label("Password").fill(password)
    page.get_by_label("Code of your second factor").fill(code)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_password_is_judged_while_it_is_typed_and_can_be_looked_at(visitor: Any) -> None:
    """By the rule that takes it: the refusal of a weak one as a sentence, a full meter for a strong one."""
    page = visitor.log_in()
    visitor.open("/account")
    typed, strength = page.get_by_label("New password", exact=True), page.locator(".strength")

    typed.fill("passwordpassword")
    expect(strength).to_contain_text("too weak")
    weak = page.locator(".strength meter").evaluate("meter => meter.value")
    typed.fill(OWN_PASSWORD)
    expect(strength).to_contain_text("Strong.")
    strong = page.locator(".strength meter").evaluate("meter => meter.value")
    field = page.locator(".field", has=typed)
    field.get_by_role("button", name="Show what is typed").click()
    shown = typed.get_attribute("type")
    field.get_by_role("button", name="Show what is typed").click()

    assert weak < 3 < strong
    assert (shown, typed.get_attribute("type")) == ("text", "password")
    typed.fill("")
    expect(strength).to_be_hidden()
