"""The requests that trade answers. Each handler reads or asks the parts that do the work."""

from collections.abc import Awaitable

from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.base import Done
from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...bus.contracts.trade import (
    ActionsReport,
    AdoptDifferences,
    AmendOrder,
    CancelOrder,
    EndProtection,
    EquityHistory,
    Fills,
    GetPortfolio,
    LedgerReport,
    ListEquity,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    Protection,
    ProtectPosition,
    SetTradingState,
    TradingState,
    VerifyActions,
    VerifyLedger,
)
from ...configs.errors import ConnectorError, RequestFailedError
from . import ledger, rows
from .account import Account
from .amend import Amendments
from .control import TradingControl
from .execution import Execution
from .protection import Protections
from .protection_plan import ProtectionRecord
from .reconcile import Reconciler
from .store import TradeStore
from .valuation import Valuation

_MOST_ROWS = 10_000


class Answers:
    """Registers all handlers with `serve`."""

    def __init__(
        self,
        account: Account,
        store: TradeStore,
        execution: Execution,
        reconciler: Reconciler,
        control: TradingControl,
        valuation: Valuation,
        protections: Protections,
        amendments: Amendments,
    ) -> None:
        self._protections, self._amendments = protections, amendments
        self._account, self._store, self._execution = account, store, execution
        self._reconciler, self._control, self._valuation = reconciler, control, valuation

    def serve(self, bus: AsyncBusApi) -> None:
        bus.serve(OrderIntent, self.place)
        bus.serve(CancelOrder, self.cancel)
        bus.serve(ListOrders, self.orders)
        bus.serve(ListFills, self.fills)
        bus.serve(GetPortfolio, self.portfolio)
        bus.serve(ListEquity, self.equity)
        bus.serve(VerifyLedger, self.verify)
        bus.serve(SetTradingState, self.set_state)
        bus.serve(ProtectPosition, self.protect)
        bus.serve(EndProtection, self.end_protection)
        bus.serve(AdoptDifferences, self.adopt)
        bus.serve(AmendOrder, self.amend)
        bus.serve(VerifyActions, self.verify_actions)

    def place(self, request: Request[OrderIntent]) -> Awaitable[OrderIntentReply]:
        return self._once_durable(self._execution.place(request.message))

    async def _once_durable(self, reply: OrderIntentReply) -> OrderIntentReply:
        await self._store.durable()
        return reply

    async def cancel(self, request: Request[CancelOrder]) -> Done:
        asked = request.message
        self._mine(asked.account)
        order = self._execution.cancel(asked.order_id, asked.actor)
        if order is None:
            raise RequestFailedError("unknown_order", f"There is no order {asked.order_id}.")
        await self._store.durable()
        return Done(message=f"order {order.id} is {order.state.value}")

    async def amend(self, request: Request[AmendOrder]) -> Order:
        self._mine(request.message.account)
        order = self._amendments.amend(request.message)
        await self._store.durable()
        return rows.order_message(order, self._account.name)

    async def verify_actions(self, request: Request[VerifyActions]) -> ActionsReport:
        await self._store.durable()
        report = await self._store.verify_actions_apart()
        return ActionsReport(
            ok=report.ok, entries=report.entries, wrong_number=report.wrong_number, reason=report.reason
        )

    def orders(self, request: Request[ListOrders]) -> Orders:
        asked = request.message
        limit = min(asked.limit, _MOST_ROWS)
        found = self._store.list_orders(asked.symbol, asked.open_only, limit, asked.older_than)
        return Orders(orders=[rows.order_message(order, self._account.name) for order in found])

    def fills(self, request: Request[ListFills]) -> Fills:
        asked = request.message
        limit = min(asked.limit, _MOST_ROWS)
        found = self._store.list_fills(asked.symbol, asked.since_ms, limit, asked.older_than)
        return Fills(fills=[rows.fill_message_of(row, self._account.name) for row in found])

    def portfolio(self, request: Request[GetPortfolio]) -> Portfolio:
        return Portfolio(
            positions=[self._account.position_message(p) for p in self._account.positions.values()],
            balances=[self._account.balance(asset) for asset in self._account.assets()],
            equity=self._valuation.now(),
            trading_state=self._control.current,
            protections=[self._told(guard) for guard in self._protections.in_force()],
            transferred={
                asset: -amount
                for (account, asset), amount in self._store.accounts.items()
                if account == ledger.EXTERNAL
            },
        )

    async def protect(self, request: Request[ProtectPosition]) -> Protection:
        self._mine(request.message.account)
        guard = self._protections.set(request.message)
        await self._store.durable()
        return self._told(guard)

    async def end_protection(self, request: Request[EndProtection]) -> Done:
        self._mine(request.message.account)
        self._protections.end(request.message)
        await self._store.durable()
        return Done(message=f"{request.message.symbol} is not protected any more")

    def equity(self, request: Request[ListEquity]) -> EquityHistory:
        asked = request.message
        points = self._store.list_equity(asked.since_ms, min(asked.limit, _MOST_ROWS), asked.before_ms)
        return EquityHistory(points=points)

    async def verify(self, request: Request[VerifyLedger]) -> LedgerReport:
        try:
            return await self._reconciler.verify()
        except ConnectorError as error:
            raise RequestFailedError("venue_away", f"The ledger cannot be compared now: {error}") from error

    async def adopt(self, request: Request[AdoptDifferences]) -> LedgerReport:
        asked = request.message
        self._mine(asked.account)
        try:
            report = await self._reconciler.adopt_differences(asked.actor, asked.reason)
        except ConnectorError as error:
            raise RequestFailedError("venue_away", f"The ledger cannot be compared now: {error}") from error
        await self._store.durable()
        return report

    async def set_state(self, request: Request[SetTradingState]) -> TradingState:
        self._mine(request.message.account)
        state = self._control.set(request.message)
        await self._store.durable()
        return state

    def _mine(self, account: str) -> None:
        """What was allowed for one account is done to no other.

        Raises:
            RequestFailedError: wrong_account.
        """
        own = self._account.name
        if account not in ("", own):
            raise RequestFailedError("wrong_account", f"This is the account {own}, not {account}.")

    def _told(self, guard: ProtectionRecord) -> Protection:
        return rows.protection_message(guard, self._account.name)
