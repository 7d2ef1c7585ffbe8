"""config.yaml as a text over the API, the end of the first-run wizard, closing positions, tables as CSV."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import ControlService
from cryptobot.bus.contracts.strategy import OrderIntent, OrderIntentReply
from cryptobot.bus.contracts.trade import (
    CheckKey,
    Fill,
    Fills,
    GetPortfolio,
    KeyReport,
    ListFills,
    Portfolio,
    Position,
    TradingState,
)
from cryptobot.configs import edit, history
from cryptobot.configs.load import load
from cryptobot.configs.vault import Vault
from cryptobot.dashboard.api import exports

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]
HELD = Position(
    exchange="paper", symbol="BTC/USDT", amount=Decimal("0.5"), average=Decimal(100),
    realised_pnl=Decimal(0), unrealised_pnl=Decimal(0), fees=Decimal(0), updated_ms=1,
)  # fmt: skip


async def admin_rig(make_rig: MakeRig) -> Any:
    """A rig whose session may administer, with a home on disk, a supervisor and a trade."""
    rig = await make_rig()
    rig.home.create()
    rig.auth.sessions["good"].permissions.extend(["config.read", "config.write", "trade.order"])
    rig.supervisor, rig.trade = (
        await rig.memory.open_async("supervisor"),
        await rig.memory.open_async("trade"),
    )
    rig.supervisor.serve(ControlService, lambda request: Done(message="trade is being restarted."))
    return rig


async def post(rig: Any, path: str, body: object) -> Any:
    """POST JSON as our own page does."""
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}
    return await rig.call("POST", f"/api/v1/{path}", json=body, headers=headers)


async def test_every_fault_of_a_text_is_told_with_its_line(make_rig: MakeRig) -> None:
    """The editor marks the lines; nothing is written."""
    rig = await admin_rig(make_rig)
    text = "trade:\n  max_open_orders: many\n  max_oper_orders: 3\n"

    told = (await post(rig, "settings/check", {"text": text})).json

    assert told["ok"] is False
    assert [(fault["line"], fault["key"]) for fault in told["faults"]] == [
        (2, "trade.max_open_orders"),
        (3, "trade.max_oper_orders"),
    ]
    assert not rig.home.config_file.exists()


async def test_the_difference_is_told_before_a_text_is_saved(make_rig: MakeRig) -> None:
    """What is checked is compared with what is in force; saving makes it a revision of that person."""
    rig = await admin_rig(make_rig)
    edit.put_text(rig.home, "trade: {max_open_orders: 5}\n", actor="somebody", source="cli")
    wanted = "# mine\ntrade: {max_open_orders: 6}\n"

    told = (await post(rig, "settings/check", {"text": wanted})).json
    saved = await post(rig, "settings/text", {"text": wanted})

    assert told["ok"] is True
    assert "-trade: {max_open_orders: 5}" in told["difference"]
    assert "+# mine" in told["difference"]
    assert saved.status_code == 200
    assert rig.home.config_file.read_text() == wanted
    assert history.history(rig.home)[-1].actor == "admin"


async def test_a_text_that_somebody_else_changed_meanwhile_is_not_lost(make_rig: MakeRig) -> None:
    """The editor says which text it began with; when another was faster, it is refused."""
    rig = await admin_rig(make_rig)
    before = edit.current(rig.home).checksum or "none"
    edit.put_text(rig.home, "trade: {max_open_orders: 5}\n", actor="somebody", source="cli")

    answer = await post(rig, "settings/text", {"text": "profile: paper\n", "expected": before})

    assert answer.status_code == 409
    assert "somebody" in answer.json["detail"]


async def test_a_text_that_goes_live_wants_a_proof_of_who_it_is(make_rig: MakeRig) -> None:
    """Another venue is what a person decides: an old proof is not enough, whatever way it comes."""
    rig = await admin_rig(make_rig)
    rig.auth.sessions["good"] = msgspec.structs.replace(rig.auth.sessions["good"], stepped_up_until_ms=0)

    answer = await post(rig, "settings/text", {"text": "data: {exchange: binance}\n"})
    harmless = await post(rig, "settings/text", {"text": "trade: {max_open_orders: 4}\n"})

    assert answer.json["code"] == "step_up_needed"
    assert harmless.status_code == 200


async def test_a_run_goes_live_only_by_somebody_who_proved_who_they_are(make_rig: MakeRig) -> None:
    """On a real exchange, by the text as by the form; on paper nobody is asked."""
    rig = await admin_rig(make_rig)
    text = "data: {exchange: kraken}\nstrategy:\n  instances:\n    dip: {strategy: rsi-dip, mode: dry}\n"
    live = text.replace("dry", "live")
    await post(rig, "settings/text", {"text": text})
    rig.auth.sessions["good"] = msgspec.structs.replace(rig.auth.sessions["good"], stepped_up_until_ms=0)
    rig.sessions.forget_user("admin")

    by_text = await post(rig, "settings/text", {"text": live})
    by_form = await post(rig, "settings", {"changes": {"strategy.instances.dip.mode": "live"}})
    edit.put_text(rig.home, text.replace("kraken", "paper"), actor="admin", source="cli")
    on_paper = await post(rig, "settings", {"changes": {"strategy.instances.dip.mode": "live"}})

    assert (by_text.json["code"], by_form.json["code"]) == ("step_up_needed", "step_up_needed")
    assert on_paper.status_code == 200


async def test_templates_and_the_export_are_allowed_texts(make_rig: MakeRig) -> None:
    """Each template passes the check; the export reads back as the same settings."""
    rig = await admin_rig(make_rig)
    templates = (await rig.call("GET", "/api/v1/settings/templates")).json["templates"]

    assert templates[0]["name"] == "trend-follower"
    assert all(one["about"].endswith(".") for one in templates)
    for one in templates:
        assert (await post(rig, "settings/check", {"text": one["text"]})).json["faults"] == []

    await post(rig, "settings/text", {"text": templates[1]["text"]})
    exported = await rig.call("GET", "/api/v1/settings/export")
    assert edit.check_text(rig.home, exported.text).settings == load(rig.home).settings


async def test_the_wizard_ends_with_a_template_in_force(make_rig: MakeRig) -> None:
    """For the demo it is the template as it stands; the supervisor is told."""
    rig = await admin_rig(make_rig)

    answer = await post(rig, "setup/finish", {"goal": "trend-follower"})

    assert answer.status_code == 200
    assert "trade is being restarted" in answer.json["message"]
    assert list(load(rig.home).settings.strategy.instances) == ["trend"]
    assert (await post(rig, "setup/finish", {"goal": "get-rich"})).json["code"] == "unknown_goal"


async def test_a_key_that_may_withdraw_is_refused_and_not_kept(make_rig: MakeRig) -> None:
    """The venue is asked first; nothing is written and no secret is stored."""
    rig = await admin_rig(make_rig)
    rig.trade.serve(CheckKey, lambda request: KeyReport(trade=True, withdraw=True))
    wish = {"goal": "trend-follower", "exchange": "binance", "api_key": "k" * 20, "api_secret": "s" * 20}

    answer = await post(rig, "setup/finish", wish)

    assert answer.json["code"] == "key_withdraws"
    assert Vault(rig.home).names() == []
    assert not rig.home.config_file.exists()
    assert (await post(rig, "setup/finish", wish | {"api_key": ""})).json["code"] == "key_missing"


async def test_on_an_exchange_the_wizard_begins_with_dry_runs(make_rig: MakeRig) -> None:
    """The key goes into the vault, real candles are watched, and no order is sent before a person says so."""
    rig = await admin_rig(make_rig)
    asked: list[CheckKey] = []

    def check(request: Request[CheckKey]) -> KeyReport:
        asked.append(request.message)
        return KeyReport(trade=None, withdraw=None)

    rig.trade.serve(CheckKey, check)
    wish = {"goal": "dip-buyer", "exchange": "kraken", "api_key": "k" * 20, "api_secret": "s" * 20}

    answer = await post(rig, "setup/finish", wish)

    settings = load(rig.home).settings
    assert answer.status_code == 200
    assert asked[0].api_secret == "s" * 20
    assert [one.name for one in Vault(rig.home).names()] == ["kraken.api_key", "kraken.api_secret"]
    assert Vault(rig.home).get("kraken.api_key").reveal() == "k" * 20
    assert (settings.data.exchange, settings.data.timeframe) == ("kraken", "5m")
    assert {(run.mode, run.timeframe) for run in settings.strategy.instances.values()} == {("dry", "5m")}


async def test_a_position_is_closed_by_an_order_that_can_only_make_it_smaller(make_rig: MakeRig) -> None:
    """What is held is sold at the market price in the person's name; nothing else can be closed."""
    rig = await admin_rig(make_rig)
    state = TradingState(state="ACTIVE", reason="", actor="", since_ms=1)
    asked: list[OrderIntent] = []

    def take(request: Request[OrderIntent]) -> OrderIntentReply:
        asked.append(request.message)
        return OrderIntentReply(accepted=True, order_id="o1")

    rig.trade.serve(OrderIntent, take)
    portfolio = Portfolio(positions=[HELD], balances=[], equity=None, trading_state=state)
    rig.trade.serve(GetPortfolio, lambda request: portfolio)

    answer = await post(rig, "positions/close", {"exchange": "paper", "symbol": "BTC/USDT"})
    nothing = await post(rig, "positions/close", {"exchange": "paper", "symbol": "ETH/USDT"})

    assert answer.status_code == 202
    (intent,) = asked
    assert (intent.side, intent.type, intent.amount, intent.reduce_only) == (
        "sell",
        "market",
        HELD.amount,
        True,
    )
    assert "admin" in intent.reason
    assert (nothing.status_code, nothing.json["code"]) == (404, "no_position")


def fill(number: int) -> Fill:
    """One execution; its source would be run as a formula by a spreadsheet."""
    return Fill(
        id=str(number), order_id="o", client_order_id="c", exchange="paper", symbol="BTC/USDT", side="buy",
        price=Decimal(100), amount=Decimal("-0.1"), cost=Decimal(10), fee=Decimal(0), fee_currency="USDT",
        maker=False, ts_ms=1_700_000_000_000, source="=cmd()",
    )  # fmt: skip


async def test_all_fills_come_as_a_table_page_by_page(make_rig: MakeRig) -> None:
    """However many there are; times are readable, numbers stay numbers, and no cell is run as a formula."""
    rig = await admin_rig(make_rig)
    all_fills = [fill(number) for number in range(exports.PAGE + 3)]
    asked: list[str] = []

    def page(request: Request[ListFills]) -> Fills:
        wish = request.message
        asked.append(wish.older_than)
        begin = int(wish.older_than.rsplit("|", 1)[1]) + 1 if wish.older_than else 0
        return Fills(fills=all_fills[begin : begin + wish.limit])

    rig.trade.serve(ListFills, page)

    answer = await rig.call("GET", "/api/v1/fills.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="fills.csv"'
    assert [row["id"] for row in rows] == [one.id for one in all_fills]
    assert asked == ["", f"paper|BTC/USDT|{exports.PAGE - 1}"]
    assert rows[0]["ts_ms"] == "2023-11-14T22:13:20.000+00:00"
    assert (rows[0]["amount"], rows[0]["source"]) == ("-0.1", "'=cmd()")
