"""Lists in pages, secrets, roles, the bus's past, over the API."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import ListUsers, SetRole, User, Users
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.trade import Equity, EquityHistory, ListEquity
from cryptobot.configs.vault import Vault

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]


async def admin_rig(make_rig: MakeRig, *permissions: str) -> Any:
    """A rig whose caller holds these permissions."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.sessions["good"].permissions.extend(permissions)
    return rig


async def post(rig: Any, path: str, body: object) -> Any:
    """POST JSON as our own page does."""
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}
    return await rig.call("POST", f"/api/v1/{path}", json=body, headers=headers)


async def test_a_list_is_read_page_by_page(make_rig: MakeRig) -> None:
    """Each page names the next; the last names none; a row that goes meanwhile hides no other."""
    rig = await admin_rig(make_rig, "user.read")
    users = [
        User(name=name, role="viewer", enabled=True, created_ms=0, last_login_ms=0, sessions=0)
        for name in ("ann", "bob", "eve", "joe")
    ]
    rig.auth.bus.serve(ListUsers, lambda request: Users(users=users, roles={}))

    first = (await rig.call("GET", "/api/v1/users?limit=2")).json
    del users[0]
    second = (await rig.call("GET", f"/api/v1/users?limit=2&cursor={first['next']}")).json

    assert [one["name"] for one in first["users"]] == ["ann", "bob"]
    assert [one["name"] for one in second["users"]] == ["eve", "joe"]
    assert (first["next"] is None, second["next"]) == (False, None)


async def test_a_curve_goes_back_in_time(make_rig: MakeRig) -> None:
    """Within a page oldest first; the next page ends where this one begins."""
    rig = await admin_rig(make_rig)
    trade = await rig.memory.open_async("trade")
    asked: list[int | None] = []

    def curve(request: Request[ListEquity]) -> EquityHistory:
        asked.append(request.message.before_ms)
        end = request.message.before_ms or 100
        one = Decimal(1)
        return EquityHistory(
            points=[
                Equity(
                    exchange="paper",
                    currency="USDT",
                    equity=one,
                    start_equity=one,
                    realised_pnl=one,
                    unrealised_pnl=one,
                    ts_ms=ms,
                )
                for ms in range(max(0, end - request.message.limit), end)
            ]
        )

    trade.serve(ListEquity, curve)
    first = (await rig.call("GET", "/api/v1/equity?limit=60")).json
    second = (await rig.call("GET", f"/api/v1/equity?limit=60&cursor={first['next']}")).json

    assert asked == [None, 40]
    assert [first["points"][0]["ts_ms"], second["points"][-1]["ts_ms"]] == [40, 39]
    assert second["next"] is None


async def test_secrets_are_kept_listed_and_forgotten_without_being_shown(make_rig: MakeRig) -> None:
    """No answer holds a value; the vault does."""
    rig = await admin_rig(make_rig, "secret.read", "secret.write")

    kept = await post(rig, "secrets/binance.api_key", {"value": "hidden-value", "rotate_days": 30})
    listed = await rig.call("GET", "/api/v1/secrets")
    held = Vault(rig.home).get("binance.api_key").reveal()
    gone = await post(rig, "secrets/binance.api_key/remove", {})
    again = await post(rig, "secrets/binance.api_key/remove", {})

    assert (kept.status_code, gone.status_code, again.status_code) == (200, 200, 404)
    assert [(one["name"], one["version"], one["rotate_days"]) for one in listed.json["secrets"]] == [
        ("binance.api_key", 1, 30)
    ]
    assert held == "hidden-value"
    assert "hidden-value" not in kept.text + listed.text + gone.text


async def test_the_master_key_is_changed_without_changing_secrets(make_rig: MakeRig) -> None:
    """Every secret opens as before."""
    rig = await admin_rig(make_rig, "secret.write")
    await post(rig, "secrets/a.b", {"value": "v"})

    answer = await post(rig, "secrets/rotate", {})

    assert answer.status_code == 200
    assert Vault(rig.home).get("a.b").reveal() == "v"


async def test_a_role_of_ones_own_is_made(make_rig: MakeRig) -> None:
    """auth gets name, permissions and who asked; what can be given is told."""
    rig = await admin_rig(make_rig, "user.read", "user.manage")
    roles = {"admin": ["trade.read", "user.manage"], "viewer": []}
    rig.auth.bus.serve(ListUsers, lambda request: Users(users=[], roles=roles))
    made: list[SetRole] = []

    def set_role(request: Request[SetRole]) -> Done:
        made.append(request.message)
        return Done(message="Role night is changed.")

    rig.auth.bus.serve(SetRole, set_role)

    answer = await post(rig, "roles/night", {"permissions": ["trade.read:paper"]})
    told = (await rig.call("GET", "/api/v1/roles")).json

    assert answer.json == {"message": "Role night is changed."}
    assert made == [SetRole(role="night", permissions=["trade.read:paper"], actor="admin")]
    assert told["permissions"] == ["trade.read", "user.manage"]


async def test_the_past_of_the_bus_may_be_empty(make_rig: MakeRig) -> None:
    """A home without a journal has no messages, and a condition that cannot be read is explained."""
    rig = await admin_rig(make_rig, "audit.read", "bus.read")

    empty = await rig.call("GET", "/api/v1/bus/replay?correlation_id=abc")
    wrong = await rig.call("GET", "/api/v1/bus/replay", query_string={"where": "price >"})
    kinds = (await rig.call("GET", "/api/v1/bus/kinds?limit=5000")).json["kinds"]

    assert empty.json == {"messages": []}
    assert (wrong.status_code, wrong.json["code"]) == (400, "invalid_parameter")
    assert {"Order", "Candle", "Login"} <= {one["name"] for one in kinds}
