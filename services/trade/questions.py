"""Asking the venue for single orders whose outcome is unknown, each with growing pauses.

An order is gone only after the venue, asked for it by name again and again, does not know it; a failed
question changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from ...configs.errors import ConnectorError
from ..connectors.venue import Venue
from .account import Account
from .booking import Booking
from .clock import now_ms
from .order import OrderRecord
from .states import Event, State

MISSES_UNTIL_REJECTED = 5
# A signed request is void after its receive window (5 s); until then a slow one may still be accepted.
SURE_AFTER_MS = 8_000
DETAIL_TRIES = 6
_QUESTION_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 3.0)


@dataclass(slots=True)
class Question:
    """An order that must be asked for: when next, how often so far, and whether an answer is owed whatever
    we think of it.
    """

    due_s: float
    asked: int = 0
    owed: bool = False


class Questions:
    """What must be asked of the venue, order by order.

    Args:
        venue: gives the venue, None until it was reached.
        fetch_fills: books what the venue lists.
        resend_cancel: called with the id of an order whose cancel must be repeated.
    """

    def __init__(
        self,
        account: Account,
        booking: Booking,
        log: structlog.typing.FilteringBoundLogger,
        *,
        venue: Callable[[], Venue | None],
        fetch_fills: Callable[[Venue], Awaitable[None]],
        resend_cancel: Callable[[str], None],
    ) -> None:
        self._account, self._booking, self._log = account, booking, log
        self._venue, self._fetch_fills, self._resend_cancel = venue, fetch_fills, resend_cancel
        self._open: dict[str, Question] = {}
        self._asked = asyncio.Event()

    def ask_for(self, order_id: str) -> None:
        """Find out what became of this order, also of one that seems to rest in peace."""
        self._open.setdefault(order_id, Question(time.monotonic())).owed = True
        self._asked.set()

    def watch(self, order: OrderRecord) -> None:
        """Called after every change of an order: whatever needs an answer is asked for."""
        if order.awaits_fills or order.state in (State.PENDING_CANCEL,):
            self._open.setdefault(order.id, Question(time.monotonic() + _QUESTION_PAUSES_S[0]))
            self._asked.set()

    async def run(self) -> None:
        """Answers for single orders, each with growing pauses."""
        while True:
            self._asked.clear()
            now = time.monotonic()
            due = [order_id for order_id, question in self._open.items() if question.due_s <= now]
            for order_id in due:
                await self._answer(order_id)
            next_s = min((q.due_s for q in self._open.values()), default=None)
            timeout = None if next_s is None else max(0.01, next_s - time.monotonic())
            try:
                await asyncio.wait_for(self._asked.wait(), timeout)
            except TimeoutError:
                continue

    async def _answer(self, order_id: str) -> None:
        question, order, venue = self._open[order_id], self._account.find(order_id=order_id), self._venue()
        if order is None or venue is None or (self._is_settled(order) and not self._owed(question, order)):
            self._open.pop(order_id)
            return
        question.due_s = (
            time.monotonic() + _QUESTION_PAUSES_S[min(question.asked, len(_QUESTION_PAUSES_S) - 1)]
        )
        question.asked += 1
        try:
            news = await venue.fetch_order(order.symbol, order.client_order_id, order.exchange_order_id)
            if news is None:
                self._missed(order_id)
            else:
                question.owed = False
                self._booking.told(news)
                await self._after_news(venue, order_id, question)
        except ConnectorError as error:
            # No answer is not "not found": nothing changes and the question stays.
            self._log.warning("question failed", order=order_id, reason=str(error))

    async def _after_news(self, venue: Venue, order_id: str, question: Question) -> None:
        order = self._account.find(order_id=order_id)
        assert order is not None
        if order.awaits_fills:
            await self._fetch_fills(venue)
            order = self._account.find(order_id=order_id) or order
            if order.awaits_fills and question.asked >= DETAIL_TRIES:
                self._booking.give_up_on_details(order_id)
        elif order.state is State.PENDING_CANCEL and order.told_status == "open":
            self._resend_cancel(order_id)
            return
        if self._is_settled(order):
            self._open.pop(order_id, None)

    def _owed(self, question: Question, order: OrderRecord) -> bool:
        """The venue's news of an end may have been lost: one that we take for open is asked for."""
        return question.owed and order.is_open

    def _is_settled(self, order: OrderRecord) -> bool:
        if not order.is_open:
            return not order.awaits_fills
        return (
            order.state in (State.ACCEPTED, State.PARTIALLY_FILLED)
            and not order.awaits_fills
            and order.misses == 0
        )

    def _missed(self, order_id: str) -> None:
        order = self._booking.missed(order_id)
        if order is None or order.misses < MISSES_UNTIL_REJECTED:
            return
        if now_ms() - order.sent_ms < SURE_AFTER_MS or order.filled:
            return
        reason = f"the venue does not know it (asked {order.misses} times)"
        event = Event.REJECT if order.told_status == "" else Event.CANCEL
        if self._booking.move(order_id, event, reason) is not None:
            self._open.pop(order_id, None)
