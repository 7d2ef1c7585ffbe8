"""Settings that are worth more than config.write: who holds only that cannot make themselves an admin."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import ControlService
from cryptobot.configs import edit
from cryptobot.configs.schema import Settings
from cryptobot.dashboard.api.guarded import changed, sending

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]
PROVIDER = {"issuer": "https://evil.example", "client_id": "x", "accounts": {"me@evil.example": "admin"}}


async def rig_of(make_rig: MakeRig, *permissions: str, stepped_up: bool = True) -> Any:
    """A rig whose session may write settings, and more."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.sessions["good"].permissions.extend(["config.read", "config.write", *permissions])
    if not stepped_up:
        rig.auth.sessions["good"] = msgspec.structs.replace(rig.auth.sessions["good"], stepped_up_until_ms=0)
    supervisor = await rig.memory.open_async("supervisor")
    supervisor.serve(ControlService, lambda request: Done(message="done"))
    return rig


async def post(rig: Any, path: str, body: object, **headers: str) -> Any:
    """POST JSON as our own page does."""
    sent = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin", **headers}
    return await rig.call("POST", f"/api/v1/{path}", json=body, headers=sent)


def text_of(value: object) -> str:
    """A value as YAML takes it."""
    return msgspec.json.encode(value).decode()


DANGEROUS = [
    ("auth.providers", text_of({"evil": PROVIDER})),
    ("auth.providers.evil", text_of(PROVIDER)),
    ("auth.step_up_s", "100000"),
    ("notify.telegram_api", "http://127.0.0.1:9/"),
    ("services.trade.environment", text_of({"HTTPS_PROXY": "http://127.0.0.1:9"})),
    ("services.trade", text_of({"environment": {"PYTHONPATH": "/tmp/x"}})),
]


@pytest.mark.parametrize(("key", "value"), DANGEROUS)
async def test_config_write_alone_cannot_become_more(make_rig: MakeRig, key: str, value: str) -> None:
    """By the form, by the text, or by going back: what is as good as more permissions needs these, too."""
    rig = await rig_of(make_rig)
    edit.set_values(rig.home, {key: value}, actor="root", source="cli")
    edit.put_text(rig.home, "trade: {max_open_orders: 4}\n", actor="root", source="cli")
    before = edit.current(rig.home).text
    path = key.split(".")
    nested: Any = msgspec.json.decode(value.encode()) if value[:1] in "{1" else value
    for name in reversed(path):
        nested = {name: nested}

    by_form = await post(rig, "settings", {"changes": {key: value}})
    by_text = await post(rig, "settings/text", {"text": text_of(nested)})
    by_rollback = await post(rig, "settings/rollback", {"revision": 1})

    for answer in (by_form, by_text, by_rollback):
        assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")
    assert edit.current(rig.home).text == before


@pytest.mark.parametrize(("key", "value"), [*DANGEROUS, ("dashboard.host", "127.0.0.2")])
async def test_a_stolen_session_or_a_key_changes_no_guarded_setting(
    make_rig: MakeRig, key: str, value: str
) -> None:
    """With all permissions: a session asks again who it is, an API key is refused."""
    permissions = ("user.manage", "secret.write", "service.control")
    rig = await rig_of(make_rig, *permissions, stepped_up=False)
    rig.auth.keys["cb_key"] = rig.auth.sessions["good"]

    by_session = await post(rig, "settings", {"changes": {key: value}})
    by_key = await post(rig, "settings", {"changes": {key: value}}, Authorization="Bearer cb_key")

    assert by_session.json["code"] == "step_up_needed"
    assert by_key.json["code"] == "person_needed"


async def test_an_admin_who_proved_who_they_are_may_name_a_provider(make_rig: MakeRig) -> None:
    """The guard is no wall for those who hold the permission."""
    rig = await rig_of(make_rig, "user.manage")

    answer = await post(rig, "settings", {"changes": {"auth.providers": text_of({"good": PROVIDER})}})

    assert answer.status_code == 200, answer.json


async def test_a_harmless_setting_asks_nobody_who_they_are(make_rig: MakeRig) -> None:
    """Neither a key nor a session is asked for more than config.write."""
    rig = await rig_of(make_rig, stepped_up=False)

    answer = await post(rig, "settings", {"changes": {"trade.max_open_orders": "4"}})

    assert answer.status_code == 200


def test_a_run_of_another_account_on_a_real_venue_sends_real_orders() -> None:
    """Even where the first account is on paper."""
    told = (
        '{"accounts": {"second": {"venue": "kraken"}}, "data": {"venues": {"kraken": ["BTC/USD"]}}, '
        '"strategy": {"instances": {"a": {"strategy": "rsi-dip", "mode": "live"}, '
        '"b": {"strategy": "rsi-dip", "mode": "live", "account": "second", "symbol": "BTC/USD"}}}}'
    )
    settings = msgspec.json.decode(told, type=Settings)

    assert sending(settings) == {"b"}
    assert sending(Settings()) == set()
    assert "strategy.instances.b.mode" in changed(Settings(), settings)


async def test_a_key_or_a_stolen_session_gets_no_chat_that_speaks_for_its_user(make_rig: MakeRig) -> None:
    """A linked chat may do all that the person may, for ever: its code is for who proved who they are."""
    rig = await rig_of(make_rig, "notify.read", stepped_up=False)
    rig.auth.keys["cb_key"] = rig.auth.sessions["good"]

    by_key = await post(rig, "notifications/link", {}, Authorization="Bearer cb_key")
    by_session = await post(rig, "notifications/link", {})

    assert (by_key.json["code"], by_session.json["code"]) == ("person_needed", "step_up_needed")
