"""Guards of positions: a stop on the venue at all times, targets, trailing, and room for other exits."""

import asyncio
import time
from collections.abc import Callable
from copy import copy
from decimal import Decimal

from ...bus.contracts.trade import EndProtection, ProtectPosition
from ...configs.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RequestFailedError,
)
from ..connectors.venue import Market, ReplaceFailedError, Venue
from . import ids, money, rounding
from . import protection_plan as plan
from .account import Account, now_ms
from .booking import Booking
from .dispatcher import Dispatcher, Urgency
from .execution import Execution, venue_request
from .order import OrderRecord
from .protection_plan import ARMED, ENDED, EXITING, WAITING, ProtectionRecord, Scene, Step
from .states import Event, State
from .store import Change, TradeStore

SOURCE = "protection"
# A venue that refuses or is slow is not asked faster than this; prices come often enough to try again.
_STOPS_APART_S = 0.25
_ENTRY_WITHIN_MS = 60_000


class Protections:
    """All guards. `align` is called whenever an order, a position or a price changed."""

    def __init__(
        self,
        account: Account,
        store: TradeStore,
        booking: Booking,
        dispatcher: Dispatcher,
        execution: Execution,
        *,
        unknown: Callable[[str], None],
    ) -> None:
        self._account, self._store, self._booking = account, store, booking
        self._dispatcher, self._execution, self._unknown = dispatcher, execution, unknown
        self.venue: Venue | None = None
        self.guards = {record.symbol: record for record in store.protections()}
        self._waiting: dict[str, list[str]] = {}
        self._replacing: set[str] = set()
        self._again_s: dict[str, float] = {}
        self._aligning = False

    def set(self, asked: ProtectPosition) -> ProtectionRecord:
        """Guard a position.

        Raises:
            RequestFailedError: there is no long position, or the prices make no sense.
        """
        market, price = self._account.market(asked.symbol), self._account.price(asked.symbol)
        held = self._account.position(asked.symbol).amount
        empty = market is None or plan.is_dust(market, held, price)
        waits = bool(asked.entry_intent_id) and empty
        if market is None or price is None or (empty and not waits):
            raise RequestFailedError("no_position", f"There is no position in {asked.symbol} to protect.")
        known = self.guards.get(asked.symbol)
        record = ProtectionRecord(
            exchange=asked.exchange,
            symbol=asked.symbol,
            stop_price=asked.stop_price and rounding.stop_price(market, "sell", asked.stop_price),
            trailing_percent=asked.trailing_percent,
            take_profit=asked.take_profit,
            take_profit_amount=asked.take_profit_amount,
            actor=asked.actor,
            created_ms=known.created_ms if known else now_ms(),
            leg=known.leg if known else "",
            generation=known.generation if known else 0,
            state=WAITING if waits else ARMED,
            entry=ids.client_order_id(asked.exchange, asked.entry_intent_id) if waits else "",
        )
        _check_prices(record, price)
        if record.stop_price is None:
            record.stop_price = plan.trailed(record, market, price)
        self._booking.audit(asked.actor, "protect", asked.symbol, f"stop {record.stop_price}")
        self._keep(record)
        self.align(asked.symbol)
        return self.guards[asked.symbol]

    def end(self, asked: EndProtection) -> None:
        """Cancel the stop and forget the guard.

        Raises:
            RequestFailedError: there is none.
        """
        record = self.guards.get(asked.symbol)
        if record is None:
            raise RequestFailedError("not_protected", f"{asked.symbol} is not protected.")
        self._booking.audit(asked.actor, "end protection", asked.symbol, "")
        self._forget(record)
        self._execution.cancel(record.leg, asked.actor)

    def on_price(self, symbol: str, price: Decimal) -> None:
        """Trail the stop; sell at the target."""
        record, market = self.guards.get(symbol), self._account.market(symbol)
        if record is None or market is None or record.state == EXITING:
            return
        if record.state == WAITING:
            self.align(symbol)
            return
        better = plan.trailed(record, market, price)
        if better is not None:
            draft = copy(record)
            draft.stop_price = better
            self._keep(draft)
        if plan.target_reached(record, price):
            self._take_profit(self.guards[symbol], market)
        self.align(symbol)

    def on_order(self, order: OrderRecord) -> None:
        """An order changed, and with it perhaps the position."""
        if order.symbol in self.guards:
            self.align(order.symbol)

    def hold(self, order: OrderRecord) -> bool:
        """Keep a journalled exit until the stop has given up its coins; False when it may go at once."""
        guard = self.guards.get(order.symbol)
        if order.side != "sell" or guard is None or guard.state == WAITING or _is_stop(order):
            return False
        self._waiting.setdefault(order.symbol, []).append(order.id)
        self.align(order.symbol)
        return True

    def stop_amount(self, symbol: str) -> Decimal:
        """Coins that the stop binds: they can be had for another exit."""
        record = self.guards.get(symbol)
        leg = None if record is None else self._account.orders.get(record.leg)
        return money.ZERO if leg is None else leg.remaining

    def align(self, symbol: str) -> None:
        """Take steps until there is nothing to do but wait."""
        if self._aligning:
            return
        self._aligning = True
        try:
            for _ in range(4):
                record, market = self.guards.get(symbol), self._account.market(symbol)
                if record is None or market is None or not self._take(record, market):
                    return
        finally:
            self._aligning = False

    def _take(self, record: ProtectionRecord, market: Market) -> bool:
        """Take one step; whether to look again at once."""
        if record.state == WAITING:
            return self._await_entry(record)
        scene = self._scene(record, market)
        step = plan.next_step(record, scene)
        if record.symbol in self._replacing or step is Step.NOTHING or self.venue is None:
            return False
        if step is Step.END and record.entry in self._account.orders:
            return False  # the entry goes on filling
        if step in (Step.PLACE, Step.REPLACE):
            now_s = time.monotonic()
            if now_s < self._again_s.get(record.symbol, 0.0):
                asyncio.get_running_loop().call_later(_STOPS_APART_S, self.align, record.symbol)
                return False
            self._again_s[record.symbol] = now_s + _STOPS_APART_S
        if step is Step.RELEASE:
            for order_id in self._waiting.pop(record.symbol, []):
                self._execution.send_later(order_id)
        elif step is Step.CANCEL:
            self._execution.cancel(record.leg, SOURCE)
        elif step is Step.REVERT:
            self._go_back(record)
        elif step is Step.END:
            self._forget(record)
        elif step is Step.EMERGENCY:
            self._emergency(record, market, "its stop was refused")
        else:
            self._send_stop(record, market, plan.wanted_amount(scene), replace=step is Step.REPLACE)
        return step in (Step.RELEASE, Step.EMERGENCY, Step.REVERT)

    def _await_entry(self, record: ProtectionRecord) -> bool:
        """Arm the guard with the first fill of its entry; forget it when the entry ends without one."""
        entry = self._account.find(order_id=record.entry)
        if entry is None:
            if now_ms() - record.created_ms > _ENTRY_WITHIN_MS:
                self._forget(record)
            return False
        if entry.filled and self._account.position(record.symbol).amount > 0:
            draft = copy(record)
            draft.state = ARMED
            self._keep(draft)
            return True
        if not entry.is_open and not entry.awaits_fills:
            self._forget(record)
        return False

    def _scene(self, record: ProtectionRecord, market: Market) -> Scene:
        waiting = [
            order
            for order_id in self._waiting.get(record.symbol, [])
            if (order := self._account.orders.get(order_id)) is not None and order.state is State.PENDING
        ]
        names = {order.id for order in waiting}
        selling = [
            order.remaining
            for order in self._account.orders.values()
            if order.symbol == record.symbol
            and order.side == "sell"
            and order.id not in names
            and not _is_stop(order)
        ]
        return Scene(
            market=market,
            held=self._account.position(record.symbol).amount,
            leg=self._account.find(order_id=record.leg) if record.leg else None,
            previous=self._account.orders.get(record.previous_leg),
            exits=money.add(*(order.remaining for order in waiting)),
            selling=money.add(*selling),
        )

    def _send_stop(self, record: ProtectionRecord, market: Market, amount: Decimal, *, replace: bool) -> None:
        assert record.stop_price is not None and self.venue is not None
        old = record.leg
        if replace and not self.venue.capabilities.amend:
            self._execution.cancel(old, SOURCE)
            return
        draft = copy(record)
        draft.generation += 1
        intent = f"protect:{record.symbol}:{record.created_ms}:{draft.generation}"
        order = self._sell_order(record, intent, amount, "stop_loss", record.stop_price)
        draft.leg, draft.previous_leg = order.id, old if replace else ""
        self._journal(order, draft)
        if replace:
            self._replacing.add(record.symbol)
            self._dispatcher.put(Urgency.CANCEL, lambda: self._replace(record.symbol, old, order.id))
        else:
            self._execution.send_later(order.id)

    async def _replace(self, symbol: str, old: str, new: str) -> None:
        """One step of the venue: the old stop out, the new one in."""
        order = self._booking.move(new, Event.SEND)
        if order is None or self.venue is None:
            self._replacing.discard(symbol)
            return
        await self._store.durable()
        try:
            told = await self.venue.replace_order(old, venue_request(order))
        except OutcomeUnknownError:
            self._unknown(new)
        except ReplaceFailedError as error:
            self._replace_failed(symbol, new, error)
        except (OrderRejectedError, CredentialsError) as error:
            self._replace_failed(symbol, new, ReplaceFailedError(str(error), old_gone=False))
        else:
            self._booking.told(told)
        self._unknown(old)
        self._replacing.discard(symbol)
        self.align(symbol)

    def _go_back(self, record: ProtectionRecord) -> None:
        draft = copy(record)
        draft.leg, draft.previous_leg = record.previous_leg, ""
        self._keep(draft)

    def _replace_failed(self, symbol: str, new: str, error: ReplaceFailedError) -> None:
        record = self.guards.get(symbol)
        if record is not None and not error.old_gone:
            self._go_back(record)  # to the old stop, which is in force or was just filled
        self._booking.move(new, Event.REJECT, str(error))

    def _take_profit(self, record: ProtectionRecord, market: Market) -> None:
        held = self._account.position(record.symbol).amount
        amount = rounding.amount(market, min(record.take_profit_amount or held, held))
        draft = copy(record)
        draft.take_profit = draft.take_profit_amount = None
        if plan.is_dust(market, amount, None):
            self._keep(draft)
        else:
            self._exit(draft, amount, f"target {record.take_profit} reached")

    def _emergency(self, record: ProtectionRecord, market: Market, why: str) -> None:
        amount = rounding.amount(market, self._account.position(record.symbol).amount)
        draft = copy(record)
        draft.state = EXITING
        draft.leg = ""
        self._booking.alert(
            f"unprotected:{record.symbol}",
            "critical",
            "A position could not be protected and is being closed",
            f"{amount} {record.symbol}: {why}.",
        )
        self._exit(draft, amount, why)

    def _exit(self, record: ProtectionRecord, amount: Decimal, why: str) -> None:
        intent = f"exit:{record.symbol}:{now_ms()}"
        order = self._sell_order(record, intent, amount, "market", None)
        order.reason = why
        self._journal(order, record)
        self._waiting.setdefault(record.symbol, []).append(order.id)

    def _sell_order(
        self, record: ProtectionRecord, intent: str, amount: Decimal, kind: str, stop_price: Decimal | None
    ) -> OrderRecord:
        order_id = ids.client_order_id(record.exchange, intent)
        created = now_ms()
        return OrderRecord(
            id=order_id,
            client_order_id=order_id,
            intent_id=intent,
            source=SOURCE,
            exchange=record.exchange,
            symbol=record.symbol,
            side="sell",
            type=kind,
            amount=amount,
            stop_price=stop_price,
            reduce_only=True,
            reason=f"protects the position for {record.actor}",
            created_ms=created,
            updated_ms=created,
        )

    def _journal(self, order: OrderRecord, record: ProtectionRecord) -> None:
        self.guards[record.symbol] = record
        self._booking.journal(order, record)

    def _keep(self, record: ProtectionRecord) -> None:
        self._store.write(Change(protections=[record]))
        self.guards[record.symbol] = record

    def _forget(self, record: ProtectionRecord) -> None:
        draft = copy(record)
        draft.state = ENDED
        self._store.write(Change(protections=[draft]))
        self.guards.pop(record.symbol, None)


def _is_stop(order: OrderRecord) -> bool:
    return order.source == SOURCE and order.type == "stop_loss"


def _check_prices(record: ProtectionRecord, price: Decimal) -> None:
    if record.stop_price is None and record.trailing_percent is None and record.take_profit is None:
        raise RequestFailedError("nothing_asked", "Give a stop price, a trailing distance or a target.")
    if record.stop_price is not None and record.stop_price >= price:
        raise RequestFailedError(
            "bad_stop", f"The stop {record.stop_price} is not below the market at {price}."
        )
    if record.take_profit is not None and record.take_profit <= price:
        raise RequestFailedError(
            "bad_target", f"The target {record.take_profit} is not above the market at {price}."
        )
    if record.trailing_percent is not None and not 0 < record.trailing_percent < 100:
        raise RequestFailedError("bad_distance", "The trailing distance is between 0 and 100 %.")
