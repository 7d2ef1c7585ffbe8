"""Who may call what."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.base import SCHEMAS, Done
from cryptobot.bus.contracts.service import ControlService
from cryptobot.bus.contracts.trade import SetTradingState, TradingState
from cryptobot.dashboard.access import ANY_USER, PUBLIC, demand_of
from cryptobot.dashboard.pages.registry import found

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]
# What people may hold beyond the permissions that requests on the bus name.
OWN_PERMISSIONS = {
    "audit.read", "config.read", "config.write", "data.write", "database.manage", "secret.write",
}  # fmt: skip


async def test_every_route_declares_its_permission(make_rig: MakeRig) -> None:
    """No address is open by forgetting."""
    rig = await make_rig()

    missing = [
        rule.rule
        for rule in rig.app.url_map.iter_rules()
        if demand_of(rig.app.view_functions[rule.endpoint]) is None
    ]

    assert missing == []


async def test_routes_name_permissions_that_exist(make_rig: MakeRig) -> None:
    """A misspelt permission would close a route for everyone."""
    rig = await make_rig()
    known = {schema.PERMISSION for schema in SCHEMAS.values()} | OWN_PERMISSIONS | {PUBLIC, ANY_USER}

    declared = {demand.permission for view in rig.app.view_functions.values() if (demand := demand_of(view))}

    assert declared <= known


async def test_only_the_login_is_public(make_rig: MakeRig) -> None:
    """Whoever is not logged in can do nothing but log in, and ask how good a first password is."""
    rig = await make_rig()

    public = {
        rule.rule
        for rule in rig.app.url_map.iter_rules()
        if demand_of(rig.app.view_functions[rule.endpoint]).permission == PUBLIC
    }

    assert public == {
        "/login",
        "/login/passkey",
        "/login/passkey/finish",
        "/login/with/<name>",
        "/login/back",
        "/setup",
        "/api/v1/password-strength",
    }


async def test_who_may_not_see_the_overview_begins_at_the_first_page_of_theirs(make_rig: MakeRig) -> None:
    """A login leads to "/": that is no refusal for a narrow role, nor for one that may see no page."""
    rig = await make_rig()
    poor = rig.auth.sessions["poor"]
    rig.auth.sessions["poor"] = msgspec.structs.replace(poor, permissions=["strategy.read"])
    rig.auth.sessions["bare"] = msgspec.structs.replace(poor, permissions=["trade.read:second"])

    narrow, bare = await rig.call("GET", "/", "poor"), await rig.call("GET", "/", "bare")

    assert (narrow.status_code, narrow.headers["Location"]) == (302, "/strategies")
    assert (bare.status_code, bare.headers["Location"]) == (302, "/account")


async def test_a_route_without_a_permission_is_refused(make_rig: MakeRig) -> None:
    """Deny is the default, also for an add-on's page."""
    rig = await make_rig()
    rig.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")

    answer = await rig.call("GET", "/forgotten")

    assert answer.status_code == 403
    assert b"secret" not in answer.data


@pytest.mark.parametrize("page", [page.path for page in found()])
async def test_pages_send_strangers_to_the_login(make_rig: MakeRig, page: str) -> None:
    """No page shows anything without a session."""
    rig = await make_rig()

    answer = await rig.call("GET", page, holder="")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


@pytest.mark.parametrize("page", [page.path for page in found()])
async def test_pages_open_for_those_who_may(make_rig: MakeRig, page: str) -> None:
    """Every page renders with its template and script."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.extend({one.permission for one in found()})

    answer = await rig.call("GET", page)

    assert answer.status_code == 200
    assert b"<h1>" in answer.data


async def test_a_missing_permission_is_named(make_rig: MakeRig) -> None:
    """The API says what is lacking, in the one shape of errors."""
    rig = await make_rig()

    answer = await rig.write("/api/v1/services/data/stop", "poor")

    assert answer.status_code == 403
    assert answer.json["code"] == "permission_denied"
    assert "service.control" in answer.json["detail"]


async def test_a_write_without_the_token_of_the_session_is_refused(make_rig: MakeRig) -> None:
    """A forged request does not know the token."""
    rig = await make_rig()

    answer = await rig.write("/api/v1/services/data/stop", **{"X-CSRF-Token": "guess"})

    assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:8443", "https://localhost"]
)
async def test_a_write_from_another_origin_is_refused(make_rig: MakeRig, origin: str) -> None:
    """Even with the right token the page must be ours."""
    rig = await make_rig()

    answer = await rig.write("/api/v1/trading", Origin=origin)

    assert (answer.status_code, answer.json["code"]) == (403, "foreign_origin")


async def test_answers_carry_the_headers_that_harden_them(make_rig: MakeRig) -> None:
    """No inline script, no framing, no sniffing, HTTPS only, nothing cached."""
    rig = await make_rig()

    headers = (await rig.call("GET", "/login", holder="")).headers

    assert "script-src 'self'; style-src 'self'; img-src 'self' data:" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(make_rig: MakeRig) -> None:
    """Secure, HttpOnly, SameSite=Strict and bound to this host."""
    rig = await make_rig()
    client = rig.client("")
    page = await asyncio.to_thread(client.get, "/login", base_url=BASE)
    token = page.text.split('name="form_token" value="')[1].split('"')[0]
    form = {"user": "admin", "password": "right", "form_token": token}

    answer = await asyncio.to_thread(
        client.post, "/login", base_url=BASE, data=form, headers={"Origin": BASE}
    )

    cookie = next(text for text in answer.headers.getlist("Set-Cookie") if "session" in text)
    assert cookie.startswith("__Host-session=good;")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))


async def test_a_throttled_login_says_when_to_try_again(make_rig: MakeRig) -> None:
    """auth's reason and waiting time reach the person, with status 429."""
    rig = await make_rig()
    client = rig.client("")
    page = await asyncio.to_thread(client.get, "/login", base_url=BASE)
    token = page.text.split('name="form_token" value="')[1].split('"')[0]
    form = {"user": "admin", "password": "wrong", "form_token": token}

    answer = await asyncio.to_thread(
        client.post, "/login", base_url=BASE, data=form, headers={"Origin": BASE}
    )

    assert answer.status_code == 429
    assert "Too many tries. Try again in 30 s." in answer.text


async def test_a_login_form_of_another_site_is_refused(make_rig: MakeRig) -> None:
    """Without the cookie that belongs to the form nobody can log a person in."""
    rig = await make_rig()
    form = {"user": "admin", "password": "right", "form_token": "x" * 40}

    answer = await rig.call("POST", "/login", "", data=form, headers={"Origin": BASE})

    assert answer.status_code == 403
    assert "session" not in str(answer.headers.getlist("Set-Cookie"))


async def test_auth_is_not_asked_for_every_request(make_rig: MakeRig) -> None:
    """A checked session is remembered for a short time."""
    rig = await make_rig()

    for _ in range(3):
        await rig.call("GET", "/api/v1/session")

    assert rig.auth.asked == 1


async def test_a_revoked_session_is_forgotten_at_once(make_rig: MakeRig) -> None:
    """What is remembered does not outlive the session."""
    rig = await make_rig()
    await rig.call("GET", "/api/v1/session")
    rig.auth.sessions.clear()

    rig.sessions.forget_user("admin")

    assert (await rig.call("GET", "/api/v1/session")).status_code == 401


async def test_services_are_controlled_in_the_name_of_the_person(make_rig: MakeRig) -> None:
    """The supervisor learns who asked."""
    rig = await make_rig()
    supervisor, seen = await rig.memory.open_async("supervisor"), []

    def control(request: Request[ControlService]) -> Done:
        seen.append(request.message)
        return Done(message="under way")

    supervisor.serve(ControlService, control)

    answer = await rig.write("/api/v1/services/data/restart")

    assert (answer.status_code, answer.json) == (202, {"message": "under way"})
    assert seen == [ControlService(action="restart", service="data", actor="admin")]


async def test_an_unknown_action_is_refused_before_the_supervisor_is_asked(make_rig: MakeRig) -> None:
    """The API knows three actions."""
    rig = await make_rig()

    answer = await rig.write("/api/v1/services/data/explode")

    assert (answer.status_code, answer.json["code"]) == (404, "unknown_action")


async def test_trading_is_halted_through_the_api(make_rig: MakeRig) -> None:
    """The body's wishes reach trade, and its answer comes back."""
    rig = await make_rig()
    trade = await rig.memory.open_async("trade")

    def set_state(request: Request[SetTradingState]) -> TradingState:
        asked = request.message
        return TradingState(state=asked.state, reason=str(asked.flatten), actor=asked.actor, since_ms=1)

    trade.serve(SetTradingState, set_state)
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}

    answer = await rig.call(
        "POST", "/api/v1/trading", json={"state": "HALTED", "flatten": True}, headers=headers
    )

    assert answer.json == {
        "state": "HALTED",
        "reason": "True",
        "actor": "admin",
        "since_ms": 1,
        "account": "main",
    }


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"state": 3}', b'{"state": "HALTED", "extra": 1}', b'{"state": "OFF"}']
)
async def test_a_wrong_body_is_explained(make_rig: MakeRig, body: bytes) -> None:
    """Status 400 and a sentence, never a traceback."""
    rig = await make_rig()
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}

    answer = await rig.call("POST", "/api/v1/trading", data=body, headers=headers)

    assert answer.status_code == 400
    assert set(answer.json) == {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=99999999", "since_ms=-1", "since_ms=" + "9" * 19, "since_ms=²"]
)
async def test_a_wrong_parameter_is_explained(make_rig: MakeRig, query: str) -> None:
    """The name of the parameter is in the sentence."""
    rig = await make_rig()

    answer = await rig.call("GET", f"/api/v1/fills?{query}")

    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json["detail"]
