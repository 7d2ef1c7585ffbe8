"""Several accounts over the API: put together, picked, and kept from those who may not."""

from decimal import Decimal
from typing import Any

import pytest
from cryptobot.bus.api import AsyncBusApi, Request
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.trade import (
    CancelOrder,
    Equity,
    ListOrders,
    Order,
    Orders,
    SetTradingState,
    TradingState,
)
from cryptobot.configs.errors import RequestFailedError
from cryptobot.dashboard.live import may_follow
from cryptobot.dashboard.state import LiveState

BASE = "https://localhost:8443"
ACCOUNTS = ("main", "second")


def order(account: str, number: int) -> Order:
    whole = {name: "" for name in Order.__struct_fields__ if Order.__annotations__.get(name) is str}
    numbers = {
        name: Decimal(0) for name in Order.__struct_fields__ if Order.__annotations__.get(name) is Decimal
    }
    fields: dict[str, Any] = whole | numbers
    fields |= {"price": None, "stop_price": None, "average": None, "reduce_only": False, "candle_open_ms": 0}
    fields |= {"id": f"{account}-{number}", "created_ms": number, "updated_ms": number, "account": account}
    return Order(**fields)


class Trade:
    """The trade service of one account, as far as the API asks it."""

    def __init__(self, account: str, numbers: range) -> None:
        self.account = account
        self.orders = [order(account, number) for number in reversed(numbers)]
        self.told: list[SetTradingState] = []
        self.cancelled: list[CancelOrder] = []

    def serve(self, bus: AsyncBusApi) -> None:
        bus.serve(ListOrders, self._list)
        bus.serve(SetTradingState, self._set)
        bus.serve(CancelOrder, self._cancel)

    def _list(self, request: Request[ListOrders]) -> Orders:
        wish = request.message
        ids = [one.id for one in self.orders]
        begin = ids.index(wish.older_than) + 1 if wish.older_than else 0
        return Orders(orders=self.orders[begin : begin + wish.limit])

    def _set(self, request: Request[SetTradingState]) -> TradingState:
        self.told.append(request.message)
        return TradingState(
            state=request.message.state, reason="", actor="", since_ms=1, account=self.account
        )

    def _cancel(self, request: Request[CancelOrder]) -> Done:
        if request.message.order_id not in [one.id for one in self.orders]:
            raise RequestFailedError("unknown_order", "There is no such order.")
        self.cancelled.append(request.message)
        return Done(message="under way")


@pytest.fixture
def make_two(make_rig: Any) -> Any:
    """A dashboard of two accounts, and their trade services."""

    async def make(*permissions: str) -> tuple[Any, Trade, Trade]:
        rig = await make_rig()
        rig.gateway.accounts = ACCOUNTS
        if permissions:
            rig.auth.sessions["good"].permissions[:] = permissions
        first, second = Trade("main", range(0, 10, 2)), Trade("second", range(1, 8, 2))
        first.serve(await rig.memory.open_async("trade"))
        second.serve(await rig.memory.open_async("trade-second"))
        return rig, first, second

    return make


async def ids(rig: Any, query: str) -> tuple[list[str], str | None]:
    answer = await rig.call("GET", f"/api/v1/orders?{query}")
    assert answer.status_code == 200, answer.json
    return [one["id"] for one in answer.json["orders"]], answer.json["next"]


async def halt(rig: Any, query: str) -> Any:
    headers = {"Origin": BASE, "X-CSRF-Token": rig.auth.sessions["good"].csrf_token}
    return await rig.call("POST", f"/api/v1/trading{query}", json={"state": "HALTED"}, headers=headers)


async def test_orders_of_all_accounts_are_one_list_in_pages(make_two: Any) -> None:
    """Newest first over both accounts; no page repeats or leaves out an order."""
    rig, first, second = await make_two()
    seen, cursor = [], ""
    while True:
        page, following = await ids(rig, f"limit=2&cursor={cursor}")
        seen += page
        if not following:
            break
        cursor = following
    expected = sorted([*first.orders, *second.orders], key=lambda one: -one.created_ms)
    assert seen == [one.id for one in expected]


async def test_one_account_can_be_picked(make_two: Any) -> None:
    """`?account=` shows that one alone; a name that is none is refused with the names there are."""
    rig, _, second = await make_two()
    assert (await ids(rig, "account=second"))[0] == [one.id for one in second.orders]
    answer = await rig.call("GET", "/api/v1/orders?account=third")
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_account")
    assert "main, second" in answer.json["detail"]


async def test_a_permission_for_one_account_shows_no_other(make_two: Any) -> None:
    """With trade.read:second the list is that of second, and main is refused."""
    rig, _, second = await make_two("trade.read:second")
    assert (await ids(rig, ""))[0] == [one.id for one in second.orders]
    assert (await rig.call("GET", "/api/v1/orders?account=main")).status_code == 403
    assert (await rig.call("GET", "/api/v1/orders.csv?account=main")).status_code == 403


async def test_a_halt_is_of_all_accounts_or_of_one_that_is_named(make_two: Any) -> None:
    """Each service is told in its account's name, so that trade can hold the name against its own."""
    rig, first, second = await make_two()
    await halt(rig, "")
    await halt(rig, "?account=second")
    assert [one.account for one in first.told] == ["main"]
    assert [one.account for one in second.told] == ["second", "second"]


async def test_who_may_halt_one_account_halts_no_other(make_two: Any) -> None:
    """With trade.halt:second a halt of all is refused as a whole, and the one of second passes."""
    rig, first, second = await make_two("trade.halt:second")
    refused = await halt(rig, "")
    assert (refused.status_code, refused.json["code"]) == (403, "permission_denied")
    assert "main" in refused.json["detail"]
    assert (await halt(rig, "?account=second")).status_code == 200
    assert (first.told, len(second.told)) == ([], 1)


async def test_an_order_is_cancelled_in_the_account_that_has_it(make_two: Any) -> None:
    """Without `?account=` the accounts that the caller may are asked in turn."""
    rig, first, second = await make_two("trade.order")
    assert (await rig.write("/api/v1/orders/second-3/cancel")).status_code == 202
    assert [(one.order_id, one.account) for one in second.cancelled] == [("second-3", "second")]
    assert first.cancelled == []


async def test_an_order_of_an_account_that_one_may_not_is_not_found(make_two: Any) -> None:
    """With trade.order:main nobody cancels in second, nor learns that the order is there."""
    rig, _, second = await make_two("trade.order:main")
    answer = await rig.write("/api/v1/orders/second-3/cancel")
    assert (answer.json["code"], second.cancelled) == ("unknown_order", [])


async def test_the_live_stream_of_money_is_narrowed_too(make_two: Any) -> None:
    """Who may see one account follows what concerns that one."""
    rig, _, _ = await make_two("trade.read:second")
    session = rig.auth.sessions["good"]
    told = [may_follow(session, name) for name in ("money", "money@main", "money@second")]
    assert told == [False, False, True]


def test_equity_is_that_of_all_accounts_together() -> None:
    """Main's and second's values are added; who sees one account alone sees its own."""
    state = LiveState()
    for account, value in (("main", "100.5"), ("second", "20.25")):
        worth = Decimal(value)
        state.put_equity(
            Equity(
                exchange="paper",
                currency="USDT",
                equity=worth,
                start_equity=worth,
                realised_pnl=Decimal(0),
                unrealised_pnl=Decimal(0),
                ts_ms=1,
                account=account,
            )
        )
    assert state.equity is not None
    assert state.equity.equity == Decimal("120.75")
    assert state.export(frozenset({"money@second"}))["equity"].equity == Decimal("20.25")


def test_the_strictest_trading_state_is_shown() -> None:
    """A halt of one account is seen where only one state has room, with the account's name."""
    state = LiveState()
    for account, name in (("main", "ACTIVE"), ("second", "HALTED")):
        state.put_trading(TradingState(state=name, reason="by hand", actor="x", since_ms=1, account=account))
    assert state.trading is not None
    assert (state.trading.state, state.trading.reason) == ("HALTED", "second: by hand")
    state.put_trading(TradingState(state="ACTIVE", reason="", actor="x", since_ms=2, account="second"))
    assert state.trading.account == "main"
