"""What the rooms of trade share: the books, the gate to the venue, and what the service tells them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ...bus.contracts.strategy import OrderIntent
from ...configs.schema import Settings
from ..connectors.venue import Venue
from .account import Account
from .booking import Booking
from .dispatcher import Dispatcher
from .limits import Denial, Picture, Subject
from .store import TradeStore


@dataclass(slots=True)
class Parts:
    """Made once by the service.

    Args:
        trading_state: the state in force now.
        in_step: whether the last comparison with the venue succeeded.
        ask_for: called with the id of an order whose outcome must be asked for.
        venue: None until it was reached for the first time.
        risk: the risk service's verdict on an order; None lets it pass.
        shrink: the amount that the risk service leaves of a wish; None leaves it as it is.
    """

    account: Account
    store: TradeStore
    booking: Booking
    dispatcher: Dispatcher
    settings: Settings
    log: structlog.typing.FilteringBoundLogger
    trading_state: Callable[[], str]
    in_step: Callable[[], bool]
    ask_for: Callable[[str], None]
    venue: Venue | None = None
    risk: Callable[[Subject], Denial | None] | None = None
    shrink: Callable[[OrderIntent, Decimal, Picture], Decimal] | None = None
