"""Carrying a plan out: sells first, then buys; each order once, whatever is asked again or dies."""

import asyncio
from collections.abc import Sequence

import structlog

from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done
from ...bus.contracts.portfolio import PlannedOrder, RebalancePlan, RebalanceResult, SentOrder
from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...bus.contracts.trade import CancelOrder, ListOrders, Order, Orders
from ...configs.errors import BusTimeoutError, RequestFailedError
from ..accounting.exact import ZERO
from .inputs import ENDED, SOURCE, Inputs

_LOOK_AGAIN_S = 1.0
_CANCEL_PATIENCE_S = 10.0


class Rebalancer:
    """Sends the orders of plans to trade.

    Args:
        order_timeout_s: an order that has not ended by then is cancelled.
    """

    def __init__(self, bus: AsyncBusApi, inputs: Inputs, order_timeout_s: float) -> None:
        self._bus, self._inputs, self._timeout_s = bus, inputs, order_timeout_s
        self._log = structlog.get_logger(component="portfolio")

    async def carry_out(self, plan: RebalancePlan, actor: str) -> RebalanceResult:
        """Send sells, wait for their ends, then the buys."""
        wanted = [order for order in plan.orders if not order.skipped]
        sells = [order for order in wanted if order.side == "sell"]
        buys = [order for order in wanted if order.side == "buy"]
        done = await self._all(plan, sells, actor)
        done += await self._all(plan, buys, actor)
        return result_of(plan, done)

    async def outcome(self, plan: RebalancePlan) -> RebalanceResult:
        """What became of the orders of a plan that an earlier life of this service began.

        Raises:
            BusTimeoutError: trade does not answer.
        """
        listed = await self._bus.request(self._inputs.service, ListOrders(), Orders)
        by_intent = {order.intent_id: order for order in listed.orders}
        done = []
        for planned in plan.orders:
            order = by_intent.get(_intent_id(plan, planned))
            if order is not None:
                done.append(_sent(planned, order))
        ended = result_of(plan, done)
        sentence = f"It was interrupted when the portfolio service ended. {ended.sentence} Make a new plan."
        return RebalanceResult(plan_id=plan.id, state=ended.state, orders=done, sentence=sentence)

    async def _all(self, plan: RebalancePlan, orders: Sequence[PlannedOrder], actor: str) -> list[SentOrder]:
        return list(await asyncio.gather(*(self._one(plan, order, actor) for order in orders)))

    async def _one(self, plan: RebalancePlan, planned: PlannedOrder, actor: str) -> SentOrder:
        intent = OrderIntent(
            intent_id=_intent_id(plan, planned),
            source=SOURCE,
            exchange=self._inputs.exchange,
            symbol=planned.symbol,
            side=planned.side,
            type="market",
            amount=planned.amount,
            reference_price=planned.price,
            reason=f"rebalance {plan.id} by {actor}",
            account=self._inputs.account,
        )
        try:
            reply = await self._bus.request(self._inputs.service, intent, OrderIntentReply)
        except (BusTimeoutError, RequestFailedError) as error:
            return _unsent(planned, "UNKNOWN", str(error))
        if not reply.accepted:
            return _unsent(planned, "DENIED", reply.reason)
        order = await self._ended(reply.order_id, self._timeout_s)
        if order is None:
            await self._cancel(reply.order_id)
            order = await self._ended(reply.order_id, _CANCEL_PATIENCE_S)
        if order is None:
            return _unsent(planned, "UNKNOWN", f"order {reply.order_id} has not ended (`cryptobot orders`)")
        return _sent(planned, order)

    async def _ended(self, order_id: str, timeout_s: float) -> Order | None:
        """The order when it has ended; None when it takes too long. Its events wake us; now and then it is
        asked for, should an event be late.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    order = self._inputs.orders.get(order_id)
                    if order is not None and order.state in ENDED:
                        return order
                    self._inputs.changed.clear()
                    try:
                        await asyncio.wait_for(self._inputs.changed.wait(), _LOOK_AGAIN_S)
                    except TimeoutError:
                        await self._look(order_id)
        except TimeoutError:
            return None

    async def _look(self, order_id: str) -> None:
        try:
            listed = await self._inputs.ask(self._inputs.service, ListOrders(limit=200), Orders)
        except (BusTimeoutError, RequestFailedError) as error:
            self._log.warning("trade does not answer", reason=str(error))
            return
        self._inputs.orders.update({order.id: order for order in listed.orders if order.id == order_id})

    async def _cancel(self, order_id: str) -> None:
        try:
            await self._bus.request(
                self._inputs.service,
                CancelOrder(order_id=order_id, actor="service:portfolio", account=self._inputs.account),
                Done,
            )
        except (BusTimeoutError, RequestFailedError) as error:
            self._log.warning("order not cancelled", order=order_id, reason=str(error))


def result_of(plan: RebalancePlan, done: list[SentOrder]) -> RebalanceResult:
    """How a plan ended, in a sentence."""
    filled = [order for order in done if order.state == "FILLED"]
    some = [order for order in done if order.filled > 0]
    if not done:
        state, sentence = "NOTHING", "Nothing was sent."
    elif len(filled) == len(done):
        state, sentence = "DONE", f"All {len(done)} orders were filled."
    else:
        state = "PARTLY" if some else "NOTHING"
        failed = (order for order in done if order.state != "FILLED")
        why = "; ".join(f"{order.symbol}: {order.reason or order.state}" for order in failed)
        sentence = f"{len(filled)} of {len(done)} orders were filled ({why})."
    return RebalanceResult(plan_id=plan.id, state=state, orders=done, sentence=sentence)


def _intent_id(plan: RebalancePlan, order: PlannedOrder) -> str:
    return f"rebalance:{plan.id}:{order.symbol}:{order.side}"


def _sent(planned: PlannedOrder, order: Order) -> SentOrder:
    return SentOrder(
        symbol=planned.symbol,
        side=planned.side,
        amount=order.amount,
        order_id=order.id,
        state=order.state,
        filled=order.filled,
        average=order.average,
        reason=order.reason if order.state != "FILLED" else "",
    )


def _unsent(planned: PlannedOrder, state: str, reason: str) -> SentOrder:
    return SentOrder(
        symbol=planned.symbol,
        side=planned.side,
        amount=planned.amount,
        order_id="",
        state=state,
        filled=ZERO,
        average=None,
        reason=reason,
    )
