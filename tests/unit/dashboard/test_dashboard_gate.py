"""What a route demands beside a session: resources, proving it again, an own password, API keys."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import Session
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import ControlService

MakeRig = Callable[[], Any]
FAR = 4_000_000_000_000


def session_of(user: str, permissions: list[str]) -> Session:
    """A session that lives for years, of somebody who has just proved who they are."""
    return Session(
        user=user,
        role=user,
        permissions=permissions,
        csrf_token=f"csrf-of-{user}",
        expires_ms=FAR,
        stepped_up_until_ms=FAR,
    )


async def with_supervisor(make_rig: MakeRig) -> Any:
    """A rig whose supervisor says yes to everything."""
    rig = await make_rig()
    supervisor = await rig.memory.open_async("supervisor")
    supervisor.serve(ControlService, lambda request: Done(message="done"))
    return rig


async def by_key(rig: Any, method: str, path: str, key: str = "cb_1_x") -> Any:
    """One call with an API key and nothing else."""
    return await rig.call(method, path, holder="", headers={"Authorization": f"Bearer {key}"}, data=b"{}")


async def test_an_api_key_needs_neither_cookie_nor_token_of_a_page(make_rig: MakeRig) -> None:
    """A program shows its key and may do what the key allows."""
    rig = await with_supervisor(make_rig)
    rig.auth.keys["cb_1_x"] = session_of("admin", ["service.control"])

    answer = await by_key(rig, "POST", "/api/v1/services/data/stop")

    assert answer.status_code == 202


async def test_an_api_key_may_not_do_more_than_its_scopes(make_rig: MakeRig) -> None:
    """What it does not name is refused, though its user may."""
    rig = await with_supervisor(make_rig)
    rig.auth.keys["cb_1_x"] = session_of("admin", ["trade.read"])

    answer = await by_key(rig, "POST", "/api/v1/services/data/stop")

    assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")


async def test_a_wrong_api_key_is_told_so(make_rig: MakeRig) -> None:
    """The reason of auth, with 401."""
    rig = await make_rig()

    answer = await by_key(rig, "GET", "/api/v1/orders", "cb_0_wrong")

    assert (answer.status_code, answer.json["detail"]) == (
        401,
        "This API key is not valid, or has ended.",
    )


async def test_a_revoked_api_key_is_forgotten_at_once(make_rig: MakeRig) -> None:
    """What is remembered does not outlive the key."""
    rig = await make_rig()
    rig.auth.keys["cb_1_x"] = session_of("admin", [])
    assert (await by_key(rig, "GET", "/api/v1/session")).status_code == 200
    rig.auth.keys.clear()

    rig.sessions.forget_user("admin")

    assert (await by_key(rig, "GET", "/api/v1/session")).status_code == 401


async def test_an_api_key_opens_no_page(make_rig: MakeRig) -> None:
    """Pages are for sessions."""
    rig = await make_rig()
    rig.auth.keys["cb_1_x"] = session_of("admin", ["service.read"])

    answer = await by_key(rig, "GET", "/services")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


async def test_an_api_key_cannot_do_what_needs_a_person(make_rig: MakeRig) -> None:
    """Accounts and keys are changed by somebody who proved it again."""
    rig = await make_rig()
    rig.auth.keys["cb_1_x"] = session_of("admin", ["user.manage"])

    answer = await by_key(rig, "POST", "/api/v1/users")

    assert (answer.status_code, answer.json["code"]) == (403, "person_needed")


@pytest.mark.parametrize(
    "path", ["/api/v1/users", "/api/v1/users/eve/remove", "/api/v1/keys", "/api/v1/keys/1/revoke"]
)
async def test_dangerous_things_ask_again_who_it_is(make_rig: MakeRig, path: str) -> None:
    """A session whose person proved nothing for a while is asked to."""
    rig = await make_rig()
    session = session_of("admin", ["user.manage", "apikey.manage"])
    rig.auth.sessions["good"] = msgspec.structs.replace(session, stepped_up_until_ms=0)

    answer = await rig.write(path)

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_needed")


async def test_a_permission_for_one_resource_holds_for_no_other(make_rig: MakeRig) -> None:
    """`service.control:data` stops data and nothing else."""
    rig = await with_supervisor(make_rig)
    rig.auth.sessions["good"] = session_of("operator", ["service.control:data"])

    own = await rig.write("/api/v1/services/data/stop")
    other = await rig.write("/api/v1/services/trade/stop")

    assert (own.status_code, other.status_code) == (202, 403)
    assert "service.control for trade" in other.json["detail"]


async def test_a_given_password_has_to_be_changed_first(make_rig: MakeRig) -> None:
    """Until then there is the account's page alone, and the way out."""
    rig = await make_rig()
    session = session_of("admin", ["service.read"])
    rig.auth.sessions["good"] = msgspec.structs.replace(session, must_change_password=True)

    page, api = await rig.call("GET", "/services"), await rig.call("GET", "/api/v1/status")
    account, own = await rig.call("GET", "/account"), await rig.call("GET", "/api/v1/session")

    assert (page.status_code, page.headers["Location"]) == (302, "/account")
    assert (api.status_code, api.json["code"]) == (403, "password_old")
    assert (account.status_code, own.status_code) == (200, 200)


async def test_a_foreign_page_cannot_use_a_key_that_it_does_not_know(make_rig: MakeRig) -> None:
    """A session's cookie does not count beside an Authorization header."""
    rig = await make_rig()
    headers = {"Authorization": "Bearer guess", "Origin": "https://evil.example"}

    answer = await rig.call("POST", "/api/v1/trading", headers=headers, data=b"{}")

    assert answer.status_code == 401


async def test_supervisor_hears_whose_key_it_was(make_rig: MakeRig) -> None:
    """Actions by key carry the name of the key's user."""
    rig = await make_rig()
    heard: list[str] = []

    def control(request: Request[ControlService]) -> Done:
        heard.append(request.message.actor)
        return Done()

    supervisor = await rig.memory.open_async("supervisor")
    supervisor.serve(ControlService, control)
    rig.auth.keys["cb_1_x"] = session_of("bot", ["service.control"])

    await by_key(rig, "POST", "/api/v1/services/data/restart")

    assert heard == ["bot"]


async def test_settings_that_need_a_person_ask_who_it_is(make_rig: MakeRig) -> None:
    """Another exchange asks again; a log level does not."""
    rig = await with_supervisor(make_rig)
    session = session_of("admin", ["config.read", "config.write"])
    rig.auth.sessions["good"] = msgspec.structs.replace(session, stepped_up_until_ms=0)
    headers = {"Origin": "https://localhost:8443", "X-CSRF-Token": session.csrf_token}

    async def change(key: str, value: str) -> Any:
        return await rig.call("POST", "/api/v1/settings", headers=headers, json={"changes": {key: value}})

    asked, done = await change("data.exchange", "kraken"), await change("log.level", "debug")

    assert (asked.status_code, asked.json["code"]) == (403, "step_up_needed")
    assert done.status_code == 200
