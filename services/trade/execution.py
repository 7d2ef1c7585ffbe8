"""From a wish to an order at the venue: find or journal it, check it, send it once, replace or cancel it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...configs.errors import CredentialsError, OrderRejectedError, OutcomeUnknownError
from ..connectors.venue import Market, OrderRequest, ReplaceFailedError
from ..database.fields import IntegrityError
from . import ids, limits, money, rounding
from .booking import trading_action
from .clock import now_ms
from .dispatcher import Urgency
from .limits import Denial, Subject
from .order import OrderRecord
from .parts import Parts
from .states import Event, State

_LONGEST_WAIT_MS = 10_000
# An exit is worth more late than never: its coins may have to be freed first.
_LONGEST_EXIT_WAIT_MS = 60_000
_TYPES = ("market", "limit", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit")
_SIDES = ("buy", "sell")
# A market buy for cash leaves room for the price to move until it is filled.
_CASH_MARGIN = Decimal("1.002")


class Execution:
    """Sends, replaces and cancels orders."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._account, self._booking = parts.account, parts.booking
        self.hold: Callable[[OrderRecord], bool] = lambda order: False
        self.must_wait: Callable[[OrderRecord], bool] = lambda order: False
        self.stop_amount: Callable[[str], Decimal] = lambda symbol: money.ZERO

    def place(self, intent: OrderIntent) -> OrderIntentReply:
        """Journal the order of an intent and have it sent; the same intent always gives the same order."""
        order_id = ids.client_order_id(intent.exchange, intent.intent_id, self._account.name)
        known = self._account.recent(order_id)
        if known is not None:
            return _reply(known)
        try:
            return self._place_new(intent, order_id)
        except IntegrityError:
            # Its order was made long ago: the database takes no second one, and nothing was written.
            known = self._account.find(order_id=order_id)
            if known is None:
                raise
            return _reply(known)

    def _place_new(self, intent: OrderIntent, order_id: str) -> OrderIntentReply:
        """As `place`, of an intent without an order.

        Raises:
            IntegrityError: there is one in the database.
        """
        order, subject, denial = self._judge(intent, order_id)
        if denial is not None:
            self._parts.log.info(
                "intent denied", intent=intent.intent_id, code=denial.code, reason=denial.reason
            )
            order.state, order.reason = State.DENIED, f"{denial.code}: {denial.reason}"
        told = f"{order.side} {order.amount} {order.symbol}"
        if denial is not None:
            told = f"{told}: {denial.code}"
        at_once = denial is None and self._may_go(order)
        self._booking.journal(
            order,
            decision=limits.account_for(subject, denial),
            action=trading_action(intent.source, "order", order.id, told, ok=denial is None),
            sent=at_once,
        )
        if at_once:
            self._parts.dispatcher.begin_order(lambda: self._submit(order.id))
        elif denial is None and not self.hold(order):
            self.send_later(order.id)
        return _reply(order)

    def _may_go(self, order: OrderRecord) -> bool:
        """Nothing keeps it back: it is journalled as sent, and sent when it is on disk."""
        parts = self._parts
        return parts.venue is not None and parts.dispatcher.is_free and not self.must_wait(order)

    def send_later(self, order_id: str) -> None:
        """Send a journalled order when its turn comes."""
        self._parts.dispatcher.put(Urgency.ORDER, lambda: self._send(order_id))

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
        self._parts.dispatcher.put(Urgency.CANCEL, lambda: self._cancel(order_id))

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
            intent_id = f"flatten:{position.symbol}:{position.updated_ms}:{position.amount}"
            order_id = ids.client_order_id(position.exchange, intent_id, self._account.name)
            moment = now_ms()
            order = OrderRecord(
                id=order_id,
                client_order_id=order_id,
                intent_id=intent_id,
                source=actor,
                exchange=position.exchange,
                symbol=position.symbol,
                side="sell" if position.amount > 0 else "buy",
                type="market",
                amount=amount,
                reduce_only=True,
                reason=reason,
                reference_price=self._account.price(position.symbol),
                created_ms=moment,
                updated_ms=moment,
            )
            if self._account.find(order_id=order.id) is None:
                told = f"{order.side} {amount} {order.symbol}"
                self._booking.journal(order, action=trading_action(actor, "flatten", order.id, told))
                if not self.hold(order):
                    self.send_later(order.id)
                placed.append(order.id)
        return placed

    async def replace(
        self, old: OrderRecord, new_id: str, *, only_unfilled: bool = False
    ) -> ReplaceFailedError | None:
        """Put a journalled order in the place of another, in one step of the venue.

        Returns:
            why it failed, with the new order REJECTED; None when it was done or its outcome is asked for.
        """
        new = self._booking.move(new_id, Event.SEND)
        venue = self._parts.venue
        if new is None or venue is None:
            return ReplaceFailedError("it was withdrawn before it was sent", old_gone=False)
        await self._parts.store.durable()
        failure: ReplaceFailedError | None = None
        try:
            told = await venue.replace_order(
                old.client_order_id, venue_request(new), only_unfilled=only_unfilled
            )
        except OutcomeUnknownError:
            self._parts.ask_for(new_id)
        except ReplaceFailedError as error:
            failure = error
        except (OrderRejectedError, CredentialsError) as error:
            failure = ReplaceFailedError(str(error), old_gone=False)
        else:
            self._booking.told(told)
        self._parts.ask_for(old.id)
        return failure

    def picture(self, symbol: str, side: str) -> limits.Picture:
        """What the limits look at; the stop of the symbol gives its coins up for another exit."""
        parts = self._parts
        seen = self._account.picture(symbol, side, parts.trading_state(), parts.in_step())
        bound = self.stop_amount(symbol) if side == "sell" else money.ZERO
        if not bound:
            return seen
        return replace(
            seen,
            closing=money.subtract(seen.closing, bound),
            free_base=money.add(seen.free_base, bound),
        )

    def _judge(self, intent: OrderIntent, order_id: str) -> tuple[OrderRecord, Subject | None, Denial | None]:
        """The order on the market's grid, what the limits saw, and the reason against it if there is one."""
        order = _order_of(intent, order_id)
        market = self._account.market(intent.symbol)
        denial = self._malformed(intent, market)
        if denial is not None or market is None:
            return order, None, denial
        picture = self.picture(intent.symbol, intent.side)
        amount = self._amount(intent, market, picture)
        if self._parts.shrink is not None:
            amount = self._parts.shrink(intent, amount, picture)
        rounded = rounding.request(market, replace(venue_request(order), amount=amount))
        order.amount, order.price, order.stop_price = rounded.amount, rounded.price, rounded.stop_price
        order.reference_price = intent.reference_price or picture.price
        if intent.reduce_only and rounded.amount <= 0:
            nothing = Denial("nothing_to_reduce", f"There is no position in {intent.symbol} to reduce.")
            return order, None, nothing
        subject = self.subject(rounded, market, picture, order)
        return order, subject, limits.check(subject)

    def subject(
        self, request: OrderRequest, market: Market, picture: limits.Picture, order: OrderRecord
    ) -> Subject:
        """An order as the limits are asked about it."""
        return Subject(
            request=request,
            market=market,
            reduce_only=order.reduce_only,
            picture=picture,
            settings=self._parts.settings.trade,
            stale_after_s=self._parts.settings.data.stale_after_s,
            source=order.source,
            risk=self._parts.risk,
        )

    def _malformed(self, intent: OrderIntent, market: Market | None) -> Denial | None:
        if intent.account != self._account.name:
            return Denial("wrong_account", f"This is the account {self._account.name}, not {intent.account}.")
        if intent.exchange != self._account.exchange:
            return Denial("wrong_exchange", f"This account trades on {self._account.exchange}.")
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
        if self._parts.venue is None or late_ms > longest_ms:
            self._booking.move(
                order_id, Event.REJECT, f"not sent: it would have been {late_ms / 1000:.0f} s late"
            )
            self._booking.alert(
                "late", "warning", "Orders wait too long", f"Order {order_id} was given up unsent."
            )
            return
        self._booking.move(order_id, Event.SEND)
        await self._submit(order_id)

    async def _submit(self, order_id: str) -> None:
        """Give an order that is journalled as sent to the venue, once it is on disk."""
        order, venue = self._account.find(order_id=order_id), self._parts.venue
        assert order is not None and venue is not None
        await self._parts.store.durable()
        try:
            told = await venue.create_order(venue_request(order))
        except OutcomeUnknownError as error:
            self._parts.log.warning("outcome unknown", order=order_id, reason=str(error))
            self._parts.ask_for(order_id)
        except CredentialsError as error:
            self._booking.move(order_id, Event.REJECT, str(error))
            self._booking.alert("credentials", "critical", "The venue refuses the API key", str(error))
        except OrderRejectedError as error:
            self._parts.log.warning("order rejected", order=order_id, reason=str(error))
            self._booking.move(order_id, Event.REJECT, str(error))
        else:
            self._booking.told(told)

    async def _cancel(self, order_id: str) -> None:
        order, venue = self._account.find(order_id=order_id), self._parts.venue
        if order is None or order.state is not State.PENDING_CANCEL or venue is None:
            return
        try:
            await venue.cancel_order(order.symbol, order.client_order_id, order.exchange_order_id)
        except (OrderRejectedError, OutcomeUnknownError, CredentialsError) as error:
            self._parts.log.warning("cancel not confirmed", order=order_id, reason=str(error))
        self._parts.ask_for(order_id)


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
