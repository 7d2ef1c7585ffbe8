"""The kill switch: ACTIVE, REDUCING, HALTED. What was said last survives a restart."""

from ...bus.contracts.trade import SetTradingState, TradingState
from ...configs.errors import RequestFailedError
from .account import Account
from .booking import Booking
from .clock import now_ms
from .execution import Execution
from .legs import SOURCE as PROTECTION
from .limits import ACTIVE, TRADING_STATES
from .store import TradeStore

_SERVICE_ACTOR = "service:"


class TradingControl:
    """Holds the trading state and carries out its changes."""

    def __init__(self, account: Account, store: TradeStore, booking: Booking) -> None:
        self._account, self._booking = account, booking
        stored = store.trading_state()
        if stored is None:
            stored = TradingState(
                state=ACTIVE,
                reason="first start",
                actor="setup",
                since_ms=now_ms(),
                account=account.name,
            )
            booking.set_trading_state(stored)
        self.current: TradingState = stored
        self.execution: Execution | None = None

    def state(self) -> str:
        return self.current.state

    def set(self, asked: SetTradingState) -> TradingState:
        """Change the state; with it, cancel all orders or close all positions.

        Raises:
            RequestFailedError: no such state, nobody named, or a service that wants to re-arm.
        """
        if asked.state not in TRADING_STATES:
            known = ", ".join(TRADING_STATES)
            raise RequestFailedError("bad_state", f"{asked.state!r} is no trading state; there are {known}.")
        if not asked.actor.strip():
            raise RequestFailedError("actor_missing", "Say who changes the trading state.")
        if asked.state == ACTIVE and self.current.state != ACTIVE and asked.actor.startswith(_SERVICE_ACTOR):
            raise RequestFailedError("person_needed", "Trading is re-armed by a person, not by a service.")
        self.current = TradingState(
            state=asked.state,
            reason=asked.reason,
            actor=asked.actor,
            since_ms=now_ms(),
            account=self._account.name,
        )
        self._booking.set_trading_state(self.current)
        self._booking.audit(asked.actor, "trading state", asked.state, asked.reason)
        self._act(asked)
        return self.current

    def _act(self, asked: SetTradingState) -> None:
        if self.execution is None:
            return
        if asked.state != ACTIVE:
            self.execution.withdraw_unsent(f"trading is {asked.state}")
        if asked.cancel_orders or asked.flatten:
            for order in list(self._account.orders.values()):
                if order.source != PROTECTION:  # a stop guards what is held; it goes when the position does
                    self.execution.cancel(order.id, asked.actor)
        if asked.flatten:
            self.execution.flatten(asked.actor, asked.reason)
