"""Settings and users over the API."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import AddUser, ListUsers, NewPassword, Users
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import ControlService
from cryptobot.configs import history
from cryptobot.dashboard.api.openapi import DESCRIBED

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]
ADMIN = ["config.read", "config.write", "user.read", "user.manage"]


async def admin_rig(make_rig: MakeRig) -> Any:
    """A rig whose session may administer, with a home on disk."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.sessions["good"].permissions.extend(ADMIN)
    rig.supervisor, rig.asked = await rig.memory.open_async("supervisor"), []

    def control(request: Request[ControlService]) -> Done:
        rig.asked.append(request.message.action)
        return Done(message="trade is being restarted.")

    rig.supervisor.serve(ControlService, control)
    return rig


async def post(rig: Any, path: str, body: object) -> Any:
    """POST JSON as our own page does."""
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}
    return await rig.call("POST", path, json=body, headers=headers)


async def setting(rig: Any, key: str) -> dict[str, Any]:
    """One key as the API tells it."""
    answer = await rig.call("GET", "/api/v1/settings")
    found: dict[str, Any] = next(one for one in answer.json["settings"] if one["key"] == key)
    return found


async def test_a_setting_is_told_with_its_help_its_limits_and_its_origin(make_rig: MakeRig) -> None:
    """Whoever looks at a value learns what it means and who set it."""
    rig = await admin_rig(make_rig)

    found = await setting(rig, "trade.max_open_orders")

    assert (found["value"], found["default"], found["changed"]) == ("20", "20", False)
    assert "open orders" in found["help"]
    assert "1" in found["allowed"]


async def test_a_change_is_written_to_the_file_in_the_name_of_the_person(make_rig: MakeRig) -> None:
    """config.yaml holds it, and the history says who did it and from where."""
    rig = await admin_rig(make_rig)

    answer = await post(rig, "/api/v1/settings", {"changes": {"trade.max_open_orders": "3"}})

    assert answer.status_code == 200
    assert (await setting(rig, "trade.max_open_orders"))["value"] == "3"
    revision = history.history(rig.home)[-1]
    assert (revision.actor, revision.source) == ("admin", "dashboard")


async def test_a_saved_change_is_put_in_force_by_the_supervisor(make_rig: MakeRig) -> None:
    """The supervisor is asked to reload, and its answer is told."""
    rig = await admin_rig(make_rig)

    answer = await post(rig, "/api/v1/settings", {"changes": {"trade.max_open_orders": "3"}})

    assert rig.asked == ["reload"]
    assert answer.json["message"] == "Saved. trade is being restarted."


@pytest.mark.parametrize(
    "changes",
    [{"trade.max_open_orders": "many"}, {"trade.max_open_order": "3"}, {"trade.max_open_orders": "0"}],
)
async def test_a_wrong_change_is_explained_and_writes_nothing(
    make_rig: MakeRig, changes: dict[str, str]
) -> None:
    """The sentence of the checker reaches the person; the file stays as it was."""
    rig = await admin_rig(make_rig)

    answer = await post(rig, "/api/v1/settings", {"changes": changes})

    assert (answer.status_code, answer.json["code"]) == (409, "settings_refused")
    assert "max_open_order" in answer.json["detail"]
    assert not rig.home.config_file.exists()


async def test_the_second_of_two_writers_is_told(make_rig: MakeRig) -> None:
    """A change on top of a text that is no longer current is refused."""
    rig = await admin_rig(make_rig)
    seen = (await rig.call("GET", "/api/v1/settings")).json["checksum"]
    first = {"changes": {"trade.max_open_orders": "3"}, "expected": seen}
    await post(rig, "/api/v1/settings", first)

    answer = await post(rig, "/api/v1/settings", {"changes": {"log.level": "debug"}, "expected": seen})

    assert answer.status_code == 409
    assert (await setting(rig, "log.level"))["value"] == "info"


async def test_a_change_can_be_undone(make_rig: MakeRig) -> None:
    """Going back to an earlier revision is itself a revision."""
    rig = await admin_rig(make_rig)
    for value in ("3", "4"):
        await post(rig, "/api/v1/settings", {"changes": {"trade.max_open_orders": value}})
    past = (await rig.call("GET", "/api/v1/settings/history")).json["history"]

    answer = await post(rig, "/api/v1/settings/rollback", {"revision": past[-1]["revision"]})

    assert answer.status_code == 200
    assert (await setting(rig, "trade.max_open_orders"))["value"] == "3"
    assert len((await rig.call("GET", "/api/v1/settings/history")).json["history"]) == 3


async def test_settings_need_their_permission(make_rig: MakeRig) -> None:
    """A trader neither reads nor changes them."""
    rig = await make_rig()

    assert (await rig.call("GET", "/api/v1/settings")).status_code == 403
    assert (await rig.write("/api/v1/settings")).status_code == 403


async def test_a_new_account_is_made_by_auth_and_its_password_told_once(make_rig: MakeRig) -> None:
    """The generated password is in the answer, which nobody may cache."""
    rig = await admin_rig(make_rig)
    auth, asked = rig.auth.bus, []

    def add(request: Request[AddUser]) -> NewPassword:
        asked.append(request.message)
        return NewPassword(user=request.message.user, password="made-up")

    auth.serve(AddUser, add)
    auth.serve(ListUsers, lambda request: Users(users=[], roles={"viewer": []}))

    answer = await post(rig, "/api/v1/users", {"user": "eve", "role": "viewer"})

    assert (answer.status_code, answer.json["password"]) == (201, "made-up")
    assert answer.headers["Cache-Control"] == "no-store"
    assert asked == [AddUser(user="eve", role="viewer", actor="admin")]


async def test_every_address_of_the_api_is_described(make_rig: MakeRig) -> None:
    """Nothing is missing in the description, and nothing is described that is not there."""
    rig = await make_rig()

    there = {rule.endpoint for rule in rig.app.url_map.iter_rules() if rule.rule.startswith("/api/")}

    assert there == set(DESCRIBED)


async def test_the_description_names_permission_body_and_answer(make_rig: MakeRig) -> None:
    """OpenAPI 3.1, every reference leads somewhere, writes name their token and permission."""
    rig = await make_rig()

    document = (await rig.call("GET", "/api/v1/openapi.json")).json

    halt = document["paths"]["/api/v1/trading"]["post"]
    assert document["openapi"] == "3.1.0"
    assert halt["x-permission"] == "trade.halt"
    assert [one["name"] for one in halt["parameters"]][:2] == ["account", "X-CSRF-Token"]
    assert halt["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/TradingChange"
    }
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


async def test_reading_answers_have_the_described_members(make_rig: MakeRig) -> None:
    """What the settings address answers is what its description requires."""
    rig = await admin_rig(make_rig)
    document = (await rig.call("GET", "/api/v1/openapi.json")).json

    answer = (await rig.call("GET", "/api/v1/settings")).json

    assert set(answer) == set(document["components"]["schemas"]["SettingsView"]["required"])
    assert set(answer["settings"][0]) == set(document["components"]["schemas"]["Setting"]["required"])


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"x":1}', b"\xff", b'{"changes": 3}'])
@pytest.mark.parametrize(
    "path", ["trading", "settings", "settings/rollback", "users", "users/eve", "strategies/a/explode"]
)
async def test_no_body_makes_the_api_stumble(make_rig: MakeRig, path: str, body: bytes) -> None:
    """Rubbish is answered with a reason in the one shape, never with an error of the server."""
    rig = await admin_rig(make_rig)
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}
    rig.auth.sessions["good"].permissions.append("strategy.control")

    answer = await rig.call("POST", f"/api/v1/{path}", data=body, headers=headers)

    assert 400 <= answer.status_code < 500
    assert set(answer.json) == {"type", "title", "status", "detail", "code"}
