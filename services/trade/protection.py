"""Guards of positions: a stop on the venue at all times, targets, trailing, and room for other exits."""

import asyncio
import time
from copy import copy
from decimal import Decimal

from ...bus.contracts.trade import EndProtection, ProtectPosition
from ...configs.errors import RequestFailedError
from ..connectors.venue import Market
from . import ids, legs, money, rounding
from . import protection_plan as plan
from .clock import now_ms
from .dispatcher import Urgency
from .execution import Execution
from .legs import SOURCE
from .order import OrderRecord
from .parts import Parts
from .protection_plan import ARMED, ENDED, ENDING, EXITING, WAITING, ProtectionRecord, Scene, Step
from .scene import GROWS_FOR_MS, look
from .states import Event, State
from .store import Change
from .unprotected import Unprotected

# A venue that refuses or is slow is not asked faster than this; prices come often enough to try again.
_STOPS_APART_S = 0.25
_ENTRY_WITHIN_MS = 60_000
_RESTING = (State.ACCEPTED, State.PARTIALLY_FILLED)


class Protections:
    """All guards. `align` is called whenever an order, a position or a price changed."""

    def __init__(self, parts: Parts, execution: Execution) -> None:
        self._parts, self._execution = parts, execution
        self._account, self._booking = parts.account, parts.booking
        self.guards = {record.symbol: record for record in parts.store.protections()}
        self._waiting: dict[str, list[str]] = {}
        self._busy: set[str] = set()
        self._again_s: dict[str, float] = {}
        self._unprotected = Unprotected(parts.booking)
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
            entry=ids.client_order_id(asked.exchange, asked.entry_intent_id, self._account.name)
            if waits
            else "",
            target_leg=known.target_leg if known else "",
            previous_leg=known.previous_leg if known else "",
        )
        legs.check_prices(record, price)
        if record.stop_price is None:
            record.stop_price = plan.trailed(record, market, price)
        self._booking.audit(
            asked.actor, "protect", asked.symbol, f"stop {record.stop_price}, target {record.take_profit}"
        )
        self._keep(record)
        self.align(asked.symbol)
        return self.guards[asked.symbol]

    def end(self, asked: EndProtection) -> None:
        """Cancel the stop; the guard is forgotten once none of its orders can be in force any more.

        Raises:
            RequestFailedError: there is none.
        """
        record = self.guards.get(asked.symbol)
        if record is None or record.state == ENDING:
            raise RequestFailedError("not_protected", f"{asked.symbol} is not protected.")
        self._booking.audit(asked.actor, "end protection", asked.symbol, "")
        draft = copy(record)
        draft.state = ENDING
        self._keep(draft)
        self._execution.cancel(record.leg, asked.actor)
        if record.target_leg:
            self._parts.ask_for(record.target_leg)
        self.align(asked.symbol)

    def in_force(self) -> list[ProtectionRecord]:
        """The guards that guard; those that are being ended are not among them."""
        return [record for record in self.guards.values() if record.state != ENDING]

    def on_price(self, symbol: str, price: Decimal) -> None:
        """Trail the stop; sell at the target."""
        record, market = self.guards.get(symbol), self._account.market(symbol)
        if record is None or market is None or record.state == EXITING:
            return
        if record.state in (WAITING, ENDING):
            self.align(symbol)
            return
        better = plan.trailed(record, market, price)
        if better is not None:
            draft = copy(record)
            draft.stop_price = better
            self._keep(draft)
        if plan.target_reached(record, price) and not self._open(record.target_leg):
            self._take_profit(self.guards[symbol], market)
        self.align(symbol)

    def on_order(self, order: OrderRecord) -> None:
        """An order changed, and with it perhaps the position."""
        if order.symbol in self.guards:
            self.align(order.symbol)
        elif legs.is_leg(order) and order.state in _RESTING:
            self._execution.cancel(order.id, SOURCE)  # the venue told late that it has it

    def hold(self, order: OrderRecord) -> bool:
        """Keep a journalled exit until the stop has given up its coins; False when it may go at once."""
        if not self.must_wait(order):
            return False
        self._waiting.setdefault(order.symbol, []).append(order.id)
        self.align(order.symbol)
        return True

    def must_wait(self, order: OrderRecord) -> bool:
        """Whether an order wants coins that a guard's stop binds."""
        guard = self.guards.get(order.symbol)
        if order.side != "sell" or guard is None:
            return False
        return guard.state != WAITING and not legs.is_leg(order)

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
        if record.state == ENDING:
            self._wind_up(record)
            return False
        scene = look(self._parts, record, market, self._waiting.get(record.symbol, []))
        step = plan.next_step(record, scene)
        if step is Step.END or (scene.leg is not None and scene.leg.state is State.ACCEPTED):
            self._unprotected.over(record.symbol)
        if record.symbol in self._busy or self._parts.venue is None:
            return False
        if self._end_strays(record):
            return False
        if step is Step.NOTHING:
            self._watch(record, scene)
            return False
        if step is Step.END and record.entry in self._account.orders:
            return False  # the entry goes on filling
        if step in (Step.PLACE, Step.PLACE_PAIR, Step.REPLACE) and self._too_soon(record.symbol):
            return False
        return self._do(step, record, market, scene)

    def _wind_up(self, record: ProtectionRecord) -> None:
        """Of a guard that is being ended: a replacement of unknown outcome may leave either stop in force,
        so both must have ended before the coins are free and the guard is forgotten.
        """
        idle = record.symbol not in self._busy and self._parts.venue is not None
        if idle and not self._end_strays(record):
            self._forget(record)

    def _end_strays(self, record: ProtectionRecord) -> bool:
        """Cancel what rests for this guard and is none of its present orders; whether there is any, which
        must end before its coins can be used: there are never two stops.
        """
        present = {record.leg, record.previous_leg, record.target_leg} if record.state != ENDING else set()
        strays = [
            order
            for order in self._account.orders.values()
            if order.symbol == record.symbol and order.id not in present and legs.is_leg(order)
        ]
        for order in strays:
            if order.state in (State.PENDING, *_RESTING):
                self._execution.cancel(order.id, SOURCE)
        return bool(strays)

    def _too_soon(self, symbol: str) -> bool:
        now_s = time.monotonic()
        if now_s < self._again_s.get(symbol, 0.0):
            self._align_later(symbol, self._again_s[symbol] - now_s)
            return True
        self._again_s[symbol] = now_s + max(_STOPS_APART_S, self._unprotected.pause_s(symbol))
        return False

    def _align_later(self, symbol: str, after_s: float) -> None:
        asyncio.get_running_loop().call_later(after_s, self.align, symbol)

    def _watch(self, record: ProtectionRecord, scene: Scene) -> None:
        """Nothing can be done now: make sure that what is waited for comes."""
        if scene.growing:
            self._align_later(record.symbol, GROWS_FOR_MS / 1000)
        elif scene.target is not None and scene.target.is_open and not self._open(record.leg):
            self._parts.ask_for(scene.target.id)

    def _do(self, step: Step, record: ProtectionRecord, market: Market, scene: Scene) -> bool:
        """Carry a step out; whether to look again at once."""
        if step is Step.RELEASE:
            self._release(record.symbol)
        elif step is Step.CANCEL:
            self._execution.cancel(self._in_force(record), SOURCE)
        elif step is Step.REVERT:
            self._go_back(record)
        elif step is Step.END:
            self._forget(record)
        elif step is Step.EMERGENCY:
            self._emergency(record, market, "its stop was refused")
        elif step is Step.PLACE_PAIR:
            self._send_pair(record, market, plan.wanted_amount(scene))
        else:
            self._send_stop(record, plan.wanted_amount(scene), replace=step is Step.REPLACE)
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

    def _open(self, order_id: str) -> bool:
        return order_id in self._account.orders

    def _in_force(self, record: ProtectionRecord) -> str:
        """The guard's order at the venue: the stop, or what is left of the target."""
        return record.leg if self._open(record.leg) or not record.target_leg else record.target_leg

    def _send_stop(self, record: ProtectionRecord, amount: Decimal, *, replace: bool) -> None:
        assert record.stop_price is not None and self._parts.venue is not None
        old = self._in_force(record)
        if replace and not self._parts.venue.capabilities.amend:
            self._execution.cancel(old, SOURCE)
            return
        draft = copy(record)
        draft.generation += 1
        order = legs.stop(draft, amount, self._account.name)
        draft.leg, draft.previous_leg, draft.target_leg = order.id, old if replace else "", ""
        order.replaces = draft.previous_leg
        self._journal(order, record=draft)
        if replace:
            self._busy.add(record.symbol)
            self._parts.dispatcher.put(Urgency.CANCEL, lambda: self._replace(record, old, order.id))
        else:
            self._execution.send_later(order.id)

    def _send_pair(self, record: ProtectionRecord, market: Market, amount: Decimal) -> None:
        draft = copy(record)
        draft.generation += 1
        stop, target = legs.pair(draft, market, amount, self._account.name)
        draft.leg, draft.previous_leg, draft.target_leg = stop.id, "", target.id
        self._journal(stop, target, record=draft)
        self._busy.add(record.symbol)

        async def place() -> None:
            await legs.place_pair(self._parts, stop.id, target.id)
            self._idle(record.symbol)

        self._parts.dispatcher.put(Urgency.ORDER, place)

    def _idle(self, symbol: str) -> None:
        self._busy.discard(symbol)
        self.align(symbol)

    async def _replace(self, before: ProtectionRecord, old: str, new: str) -> None:
        """One step of the venue: the old stop (and its target) out, the new one in."""
        order = self._account.find(order_id=old)
        failure = None if order is None else await self._execution.replace(order, new)
        if failure is not None:
            record = self.guards.get(before.symbol)
            if record is not None and record.leg == new and not failure.old_gone:
                # To the old stop, which is in force or was just filled.
                draft = copy(record)
                draft.leg, draft.previous_leg, draft.target_leg = before.leg, "", before.target_leg
                self._keep(draft)
            self._booking.move(new, Event.REJECT, str(failure))
        if before.target_leg:
            self._parts.ask_for(before.target_leg)
        self._idle(before.symbol)

    def _go_back(self, record: ProtectionRecord) -> None:
        draft = copy(record)
        draft.leg, draft.previous_leg = record.previous_leg, ""
        self._keep(draft)

    def resume(self, order: OrderRecord) -> bool:
        """An order of the guard's own that was journalled in an earlier life and never sent; False when it
        is none of those that are sent together or in the place of another.
        """
        if not order.list_id and not order.replaces:
            return False
        self._booking.move(order.id, Event.REJECT, "not sent before the service ended")
        return True

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
        self._unprotected.tell(record.symbol, f"{amount} {record.symbol}: {why}")
        self._exit(draft, amount, why)

    def _exit(self, record: ProtectionRecord, amount: Decimal, why: str) -> None:
        order = legs.market_exit(record, amount, why, self._account.name)
        self._journal(order, record=record)
        self._waiting.setdefault(record.symbol, []).append(order.id)

    def _journal(self, *orders: OrderRecord, record: ProtectionRecord) -> None:
        self.guards[record.symbol] = record
        self._booking.journal(*orders, protection=record)
        for order in orders:
            told = f"{order.side} {order.amount} {order.symbol}, for {record.actor}"
            self._booking.audit(SOURCE, order.type, order.id, told)

    def _keep(self, record: ProtectionRecord) -> None:
        self._parts.store.write(Change(protections=[record]))
        self.guards[record.symbol] = record

    def _forget(self, record: ProtectionRecord) -> None:
        draft = copy(record)
        draft.state = ENDED
        self._parts.store.write(Change(protections=[draft]))
        self.guards.pop(record.symbol, None)
        self._release(record.symbol)

    def _release(self, symbol: str) -> None:
        """Send the exits that waited for the guard's coins."""
        for order_id in self._waiting.pop(symbol, []):
            self._execution.send_later(order_id)
