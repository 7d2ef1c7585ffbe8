"""Carrying wishes to trade: each until it is accepted or refused, under an id that makes it one order."""

import asyncio
import time
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done
from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...bus.contracts.trade import CancelOrder
from ...configs.errors import BusTimeoutError, RequestFailedError
from .account import Account
from .base import Wish

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

    async def carry_out(self, intended: Intended, expires_ms: int) -> None:
        """Ask until trade accepts or refuses.

        Args:
            expires_ms: after this a wish that may open a position is given up; one that reduces it never is.
        """
        wish, held = intended.wish, self._account.held(intended.symbol)
        intent = _message(intended)
        while wish.reduce or _now_ms() <= expires_ms:
            try:
                reply = await self._bus.request("trade", intent, OrderIntentReply, timeout_s=_TRY_S, tries=3)
            except BusTimeoutError:
                self._log.warning("trade does not answer; asking again", intent_id=intent.intent_id)
                continue
            except RequestFailedError as error:
                if error.code == NOT_SERVED_YET:
                    await asyncio.sleep(_PAUSE_S)
                    continue
                self._log.warning("trade refused", intent_id=intent.intent_id, reason=error.message)
                return
            if not reply.accepted:
                self._log.warning("order denied", intent_id=intent.intent_id, reason=reply.reason)
            elif wish.limit is None:
                await self._account.ended(intent.intent_id, held, _ENDS_WITHIN_S)
            return
        self._log.warning("too late to open a position", intent_id=intent.intent_id)

    async def cancel(self, run: str, symbol: str) -> None:
        """Ask for the end of a run's resting orders."""
        for order in self._account.working(run, symbol):
            try:
                await self._bus.request(
                    "trade", CancelOrder(order_id=order.id, actor=f"strategy {run}"), Done
                )
            except (BusTimeoutError, RequestFailedError) as error:
                self._log.warning("cancel failed", order_id=order.id, reason=str(error))


def _message(intended: Intended) -> OrderIntent:
    wish = intended.wish
    return OrderIntent(
        intent_id=intended.intent_id,
        source=intended.run,
        exchange=intended.exchange,
        symbol=intended.symbol,
        side=wish.side,
        type="market" if wish.limit is None else "limit",
        amount=wish.amount.quantize(_AMOUNT_GRAIN, rounding="ROUND_DOWN"),
        price=wish.limit,
        reduce_only=wish.reduce,
        candle_open_ms=intended.candle_open_ms,
        reference_price=intended.reference_price,
        reason=wish.reason,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
