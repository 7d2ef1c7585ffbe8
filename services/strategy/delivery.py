"""Carrying wishes to trade: each until it is accepted or refused, under an id that makes it one order."""

import asyncio
import time
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import structlog

from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done
from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...bus.contracts.trade import AmendOrder, CancelOrder, Protection, ProtectPosition
from ...bus.contracts.trade import Order as TradeOrder
from ...configs.errors import BusTimeoutError, RequestFailedError
from .account import Account
from .dry import refusal
from .values import Order, Wish

NOT_SERVED_YET = "unknown_request"
"""What a service answers that is up but has not opened its books yet."""

_TRY_S = 2.0
_PAUSE_S = 0.1
_ENDS_WITHIN_S = 3.0
_AMOUNT_GRAIN = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Intended:
    """A wish with everything that trade must know of it."""

    run: str
    exchange: str
    symbol: str
    intent_id: str
    wish: Wish
    candle_open_ms: int
    reference_price: Decimal


class Delivery:
    """Asks trade for orders, and waits for market orders to end so that the next decision sees the
    position.
    """

    def __init__(self, bus: AsyncBusApi, account: Account) -> None:
        self._bus, self._account = bus, account
        self._log = structlog.get_logger(component="delivery")

    async def carry_out(self, intended: Intended, expires_ms: int) -> Order | None:
        """Ask until trade accepts or refuses; return what was refused, with the reason.

        Args:
            expires_ms: after this a wish that may open a position is given up; one that reduces it never is.
        """
        wish = intended.wish
        if wish.replaces and wish.trigger is None:
            return await self._amend(intended)
        if wish.replaces and not await self._replaced(intended):
            return None
        if wish.stop is not None or wish.take is not None:
            denied = await self._guard(intended)
            if denied:
                return refusal(wish, denied)
        intent = _message(intended, self._account.name)
        while wish.reduce or _now_ms() <= expires_ms:
            try:
                reply = await self._bus.request(
                    self._account.service, intent, OrderIntentReply, timeout_s=_TRY_S, tries=3
                )
            except BusTimeoutError:
                self._log.warning("trade does not answer; asking again", intent_id=intent.intent_id)
                continue
            except RequestFailedError as error:
                if error.code == NOT_SERVED_YET:
                    await asyncio.sleep(_PAUSE_S)
                    continue
                self._log.warning("trade refused", intent_id=intent.intent_id, reason=error.message)
                return refusal(wish, error.message)
            if not reply.accepted:
                self._log.warning("order denied", intent_id=intent.intent_id, reason=reply.reason)
                return msgspec.structs.replace(refusal(wish, reply.reason), id=reply.order_id)
            if wish.limit is None and wish.trigger is None:
                await self._account.ended(intent.intent_id, _ENDS_WITHIN_S)
            return None
        self._log.warning("too late to open a position", intent_id=intent.intent_id)
        return refusal(wish, "too late to open a position")

    async def cancel(self, run: str, symbol: str, order_id: str = "") -> None:
        """Ask for the end of a run's resting orders in a market, or of one of them."""
        for order in self._account.working(run, symbol):
            if order_id not in ("", order.id):
                continue
            try:
                await self._bus.request(
                    self._account.service,
                    CancelOrder(order_id=order.id, actor=f"strategy {run}", account=self._account.name),
                    Done,
                )
            except (BusTimeoutError, RequestFailedError) as error:
                self._log.warning("cancel failed", order_id=order.id, reason=str(error))

    async def _amend(self, intended: Intended) -> Order | None:
        """Let trade change a resting limit order, in one step where the venue has one."""
        wish = intended.wish
        asked = AmendOrder(
            order_id=wish.replaces,
            actor=f"strategy {intended.run}",
            price=wish.limit,
            amount=wish.amount.quantize(_AMOUNT_GRAIN, rounding="ROUND_DOWN"),
            account=self._account.name,
        )
        try:
            await self._bus.request(self._account.service, asked, TradeOrder, timeout_s=_TRY_S, tries=3)
        except BusTimeoutError:
            return refusal(wish, "trade did not answer; the order may have changed")
        except RequestFailedError as error:
            self._log.warning("amend refused", order_id=wish.replaces, reason=error.message)
            return refusal(wish, error.message)
        return None

    async def _replaced(self, intended: Intended) -> bool:
        """Take back the stop order that a wish replaces; false when it was filled before that."""
        old = next(
            (
                order
                for order in self._account.working(intended.run, intended.symbol)
                if order.id == intended.wish.replaces
            ),
            None,
        )
        if old is None:
            return False
        await self.cancel(intended.run, intended.symbol, old.id)
        ended = await self._account.ended(old.intent_id, _ENDS_WITHIN_S)
        if ended is None:
            self._log.warning("amend: the old order has not ended; it stays", order_id=old.id)
        return ended is not None and ended.state != "FILLED"

    async def _guard(self, intended: Intended) -> str:
        """Ask trade to guard what the wish will buy; the reason when it does not, else ""."""
        asked = ProtectPosition(
            exchange=intended.exchange,
            symbol=intended.symbol,
            actor=f"strategy {intended.run}",
            stop_price=intended.wish.stop,
            take_profit=intended.wish.take,
            entry_intent_id=intended.intent_id,
            account=self._account.name,
        )
        try:
            await self._bus.request(self._account.service, asked, Protection, timeout_s=_TRY_S, tries=3)
        except BusTimeoutError:
            return "trade did not answer when it was asked for the bracket"
        except RequestFailedError as error:
            return f"no bracket: {error.message}"
        return ""


def _message(intended: Intended, account: str) -> OrderIntent:
    wish = intended.wish
    kind = "market" if wish.limit is None else "limit"
    if wish.trigger is not None:
        kind = "stop_loss" if wish.limit is None else "stop_loss_limit"
    return OrderIntent(
        intent_id=intended.intent_id,
        source=intended.run,
        exchange=intended.exchange,
        symbol=intended.symbol,
        side=wish.side,
        type=kind,
        amount=wish.amount.quantize(_AMOUNT_GRAIN, rounding="ROUND_DOWN"),
        price=wish.limit,
        stop_price=wish.trigger,
        reduce_only=wish.reduce,
        candle_open_ms=intended.candle_open_ms,
        reference_price=intended.reference_price,
        reason=wish.reason,
        account=account,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
