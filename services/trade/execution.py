"""From a wish to an order at the venue: find it or journal it, check it, send it once, cancel it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import structlog

from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...configs.errors import CredentialsError, OrderRejectedError, OutcomeUnknownError
from ...configs.schema import Settings
from ..connectors.venue import Market, OrderRequest, Venue
from . import ids, limits, money, rounding
from .account import Account, now_ms
from .booking import Booking
from .dispatcher import Dispatcher, Urgency
from .limits import Denial, Subject
from .order import OrderRecord
from .states import Event, State
from .store import TradeStore

_LONGEST_WAIT_MS = 10_000
# An exit is worth more late than never: its coins may have to be freed first.
_LONGEST_EXIT_WAIT_MS = 60_000
_TYPES = ("market", "limit", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit")
_SIDES = ("buy", "sell")
# A market buy for cash leaves room for the price to move until it is filled.
_CASH_MARGIN = Decimal("1.002")


class Execution:
    """Sends and cancels orders.

    Args:
        trading_state: the state in force now.
        in_step: whether the last comparison with the venue succeeded.
        unknown: called with the id of an order whose outcome must be asked for.
    """

    def __init__(
        self,
        account: Account,
        store: TradeStore,
        booking: Booking,
        dispatcher: Dispatcher,
        settings: Settings,
        log: structlog.typing.FilteringBoundLogger,
        *,
        trading_state: Callable[[], str],
        in_step: Callable[[], bool],
        unknown: Callable[[str], None],
    ) -> None:
        self._account, self._store, self._booking = account, store, booking
        self._dispatcher, self._settings, self._log = dispatcher, settings, log
        self._trading_state, self._in_step, self._unknown = trading_state, in_step, unknown
        self.venue: Venue | None = None
        self.hold: Callable[[OrderRecord], bool] = lambda order: False
        self.stop_amount: Callable[[str], Decimal] = lambda symbol: money.ZERO

    def place(self, intent: OrderIntent) -> OrderIntentReply:
        """Journal the order of an intent and have it sent; the same intent always gives the same order."""
        order_id = ids.client_order_id(intent.exchange, intent.intent_id)
        known = self._account.find(order_id=order_id)
        if known is not None:
            return _reply(known)
        order, denial = self._judge(intent, order_id)
        if denial is not None:
            self._log.info("intent denied", intent=intent.intent_id, code=denial.code, reason=denial.reason)
            order.state, order.reason = State.DENIED, f"{denial.code}: {denial.reason}"
        self._booking.journal(order)
        if denial is None:
            self._booking.audit(
                intent.source, "order", order.id, f"{order.side} {order.amount} {order.symbol}"
            )
            if not self.hold(order):
                self.send_later(order.id)
        return _reply(order)

    def send_later(self, order_id: str) -> None:
        """Send a journalled order when its turn comes."""
        self._dispatcher.put(Urgency.ORDER, lambda: self._send(order_id))

    def cancel(self, order_id: str, actor: str) -> OrderRecord | None:
        """Ask for the end of an order; None when there is no such order. An ended one stays as it is."""
        order = self._account.find(order_id=order_id)
        if order is None or not order.is_open:
            return order
        self._booking.audit(actor, "cancel", order.id, f"{order.side} {order.amount} {order.symbol}")
        if order.state is State.PENDING:
            return self._booking.move(order.id, Event.WITHDRAW, f"withdrawn by {actor} before it was sent")
        moved = self._booking.move(order.id, Event.ASK_CANCEL)
        self.cancel_later(order.id)
        return moved or order

    def cancel_later(self, order_id: str) -> None:
        """Tell the venue to cancel. Asking twice does no harm."""
        self._dispatcher.put(Urgency.CANCEL, lambda: self._cancel(order_id))

    def withdraw_unsent(self, reason: str) -> None:
        """Take back everything that waits for its turn."""
        for order in list(self._account.orders.values()):
            if order.state is State.PENDING:
                self._booking.move(order.id, Event.WITHDRAW, reason)

    def flatten(self, actor: str, reason: str) -> list[str]:
        """Market orders that close every position; they pass whatever the trading state is."""
        placed = []
        for position in list(self._account.positions.values()):
            market = self._account.market(position.symbol)
            if market is None or not position.amount:
                continue
            amount = rounding.amount(market, abs(position.amount))
            if amount < market.min_amount or amount <= 0:
                continue
            nonce = f"{position.symbol}:{position.updated_ms}:{position.amount}"
            order = OrderRecord(
                id=ids.client_order_id(position.exchange, f"flatten:{nonce}"),
                client_order_id=ids.client_order_id(position.exchange, f"flatten:{nonce}"),
                intent_id=f"flatten:{nonce}",
                source=actor,
                exchange=position.exchange,
                symbol=position.symbol,
                side="sell" if position.amount > 0 else "buy",
                type="market",
                amount=amount,
                reduce_only=True,
                reason=reason,
                reference_price=self._account.price(position.symbol),
                created_ms=now_ms(),
                updated_ms=now_ms(),
            )
            if self._account.find(order_id=order.id) is None:
                self._booking.journal(order)
                if not self.hold(order):
                    self.send_later(order.id)
                placed.append(order.id)
        return placed

    def _judge(self, intent: OrderIntent, order_id: str) -> tuple[OrderRecord, Denial | None]:
        """The order on the market's grid, and the reason against it if there is one."""
        order = _order_of(intent, order_id)
        market = self._account.market(intent.symbol)
        denial = self._malformed(intent, market)
        if denial is not None or market is None:
            return order, denial
        picture = self._picture(intent, market)
        amount = self._amount(intent, market, picture)
        asked = OrderRequest(
            client_id=order_id,
            symbol=intent.symbol,
            side=intent.side,
            type=intent.type,
            amount=amount,
            price=intent.price,
            stop_price=intent.stop_price,
        )
        rounded = rounding.request(market, asked)
        order.amount, order.price, order.stop_price = rounded.amount, rounded.price, rounded.stop_price
        order.reference_price = intent.reference_price or picture.price
        if intent.reduce_only and rounded.amount <= 0:
            return order, Denial("nothing_to_reduce", f"There is no position in {intent.symbol} to reduce.")
        subject = Subject(
            request=rounded,
            market=market,
            reduce_only=intent.reduce_only,
            picture=picture,
            settings=self._settings.trade,
            stale_after_s=self._settings.data.stale_after_s,
        )
        return order, limits.check(subject)

    def _picture(self, intent: OrderIntent, market: Market) -> limits.Picture:
        picture = self._account.picture(intent.symbol, intent.side, self._trading_state(), self._in_step())
        bound = self.stop_amount(intent.symbol) if intent.side == "sell" else money.ZERO
        if not bound:
            return picture
        # The stop gives its coins up for another exit.
        return replace(
            picture,
            closing=money.subtract(picture.closing, bound),
            free_base=money.add(picture.free_base, bound),
        )

    def _malformed(self, intent: OrderIntent, market: Market | None) -> Denial | None:
        if intent.exchange != self._account.exchange:
            return Denial("wrong_exchange", f"This home trades on {self._account.exchange}.")
        if market is None:
            return Denial("unknown_symbol", f"{intent.exchange} has no market {intent.symbol}.")
        if intent.side not in _SIDES or intent.type not in _TYPES:
            return Denial("bad_order", f"{intent.side} {intent.type} is not an order that can be placed.")
        if (intent.amount is None) == (intent.cash is None):
            return Denial("bad_order", "Exactly one of amount and cash must be given.")
        if intent.type.endswith("limit") and intent.price is None:
            return Denial("bad_order", "A limit order needs a price.")
        return None

    def _amount(self, intent: OrderIntent, market: Market, picture: limits.Picture) -> Decimal:
        if intent.amount is None:
            price = intent.price or picture.price
            if price is None or intent.cash is None:
                return money.ZERO
            cash = min(intent.cash, money.divide(picture.free_quote, _CASH_MARGIN))
            return money.divide(cash, price)
        if not intent.reduce_only:
            return intent.amount
        held = picture.position if intent.side == "sell" else -picture.position
        left = money.subtract(held, picture.closing)
        return max(min(intent.amount, left), money.ZERO)

    async def _send(self, order_id: str) -> None:
        order = self._account.find(order_id=order_id)
        if order is None or order.state is not State.PENDING:
            return
        late_ms = now_ms() - order.created_ms
        longest_ms = _LONGEST_EXIT_WAIT_MS if order.reduce_only else _LONGEST_WAIT_MS
        if self.venue is None or late_ms > longest_ms:
            self._booking.move(
                order_id, Event.REJECT, f"not sent: it would have been {late_ms / 1000:.0f} s late"
            )
            self._booking.alert(
                "late", "warning", "Orders wait too long", f"Order {order_id} was given up unsent."
            )
            return
        order = self._booking.move(order_id, Event.SEND)
        assert order is not None
        await self._store.durable()
        try:
            told = await self.venue.create_order(venue_request(order))
        except OutcomeUnknownError as error:
            self._log.warning("outcome unknown", order=order_id, reason=str(error))
            self._unknown(order_id)
        except CredentialsError as error:
            self._booking.move(order_id, Event.REJECT, str(error))
            self._booking.alert("credentials", "critical", "The venue refuses the API key", str(error))
        except OrderRejectedError as error:
            self._log.warning("order rejected", order=order_id, reason=str(error))
            self._booking.move(order_id, Event.REJECT, str(error))
        else:
            self._booking.told(told)

    async def _cancel(self, order_id: str) -> None:
        order = self._account.find(order_id=order_id)
        if order is None or order.state is not State.PENDING_CANCEL or self.venue is None:
            return
        try:
            await self.venue.cancel_order(order.symbol, order.client_order_id, order.exchange_order_id)
        except (OrderRejectedError, OutcomeUnknownError, CredentialsError) as error:
            self._log.warning("cancel not confirmed", order=order_id, reason=str(error))
        self._unknown(order_id)


def _order_of(intent: OrderIntent, order_id: str) -> OrderRecord:
    created = now_ms()
    return OrderRecord(
        id=order_id,
        client_order_id=order_id,
        intent_id=intent.intent_id,
        source=intent.source,
        exchange=intent.exchange,
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        amount=intent.amount or money.ZERO,
        price=intent.price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        reason=intent.reason,
        candle_open_ms=intent.candle_open_ms,
        created_ms=created,
        updated_ms=created,
    )


def venue_request(order: OrderRecord) -> OrderRequest:
    """The order as it is sent."""
    return OrderRequest(
        client_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        amount=order.amount,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
    )


def _reply(order: OrderRecord) -> OrderIntentReply:
    if order.state is not State.DENIED:
        return OrderIntentReply(accepted=True, order_id=order.id)
    code, _, reason = order.reason.partition(": ")
    return OrderIntentReply(accepted=False, order_id=order.id, code=code, reason=reason)
