"""What to do next for a guarded position. Pure: sees a picture, names one step.

The stop rests on the venue all the time that the position is open; where the venue has one-cancels-the-other
orders, a target for the whole position rests there with it. Coins that are to be sold otherwise (a
target reached, a strategy's exit) are first taken out of the stop, so that stop and exit never want the
same coins.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from ..connectors.venue import Market
from . import money, rounding
from .money import ZERO
from .order import OrderRecord
from .states import State

WAITING, ARMED, EXITING, ENDED = "WAITING", "ARMED", "EXITING", "ENDED"
# A person ended it, and its orders at the venue have not all ended yet.
ENDING = "ENDING"
# A trailing stop is moved when that is worth a call to the venue.
_SMALLEST_MOVE = Decimal("0.0005")
_SETTLED = (State.ACCEPTED, State.PARTIALLY_FILLED)


@dataclass(slots=True, kw_only=True)
class ProtectionRecord:
    """A guard of one long position.

    `entry` is the order that it waits for, "" when the position was there. `leg` is the id of its latest
    stop order, `generation` counts them; `previous_leg` is the one that it replaces. `target_leg` is the
    order at the target that was placed together with the stop, "" when trade watches the price itself.
    """

    exchange: str
    symbol: str
    stop_price: Decimal | None
    trailing_percent: Decimal | None
    take_profit: Decimal | None
    take_profit_amount: Decimal | None
    actor: str
    created_ms: int
    state: str = ARMED
    leg: str = ""
    previous_leg: str = ""
    generation: int = 0
    entry: str = ""
    target_leg: str = ""


class Step(Enum):
    """One thing to do now."""

    NOTHING = "nothing"
    PLACE = "place a stop"
    PLACE_PAIR = "place a stop and a target that cancel each other"
    REPLACE = "replace the stop"
    CANCEL = "cancel the stop"
    REVERT = "go on with the stop before"
    RELEASE = "send the exits that wait"
    EMERGENCY = "close the position at once"
    END = "forget the protection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a step is chosen by.

    Args:
        held: the position's amount.
        leg: the latest stop order; None before the first.
        previous: the stop that it replaces, as we know it.
        target: the order at the target that shares the stop's coins.
        exits: amount of exits that wait for coins.
        selling: amount of exits that are at the venue, the guard's own orders left out.
        pairs: the venue has one-cancels-the-other orders.
        growing: the position's entry is being filled at this moment.
    """

    market: Market
    held: Decimal
    leg: OrderRecord | None
    previous: OrderRecord | None
    exits: Decimal
    selling: Decimal
    target: OrderRecord | None = None
    pairs: bool = False
    growing: bool = False


def next_step(protection: ProtectionRecord, scene: Scene) -> Step:
    """Never two stops, and none too many: a stop whose outcome is unknown is waited for."""
    leg = scene.leg
    wanted = wanted_amount(scene)
    if leg is not None and leg.is_open:
        return _with_leg(protection, scene, leg, wanted)
    if scene.target is not None and scene.target.is_open:
        return _with_target_alone(protection, scene, scene.target, wanted)
    refused = leg is not None and leg.state is State.REJECTED and leg.sent_ms > 0
    if refused and scene.previous is not None and scene.previous.is_open:
        return Step.REVERT
    if scene.exits > 0:
        return Step.RELEASE
    if scene.selling > 0:
        return Step.NOTHING
    if is_dust(scene.market, scene.held, protection.stop_price):
        return Step.END
    if refused and scene.target is None:
        return Step.EMERGENCY
    if leg is not None and leg.state is State.FILLED and scene.held >= leg.amount:
        return Step.NOTHING  # its fills are on their way
    if protection.stop_price is None or wanted <= 0 or scene.growing:
        return Step.NOTHING
    # A pair that the venue refused is followed by the stop alone, which it may take.
    return Step.PLACE_PAIR if not refused and wants_pair(protection, scene) else Step.PLACE


def wants_pair(protection: ProtectionRecord, scene: Scene) -> bool:
    """Stop and target can rest at the venue together: both stand still and are for the whole position."""
    if not scene.pairs or protection.take_profit is None or protection.trailing_percent is not None:
        return False
    return protection.take_profit_amount is None or protection.take_profit_amount >= scene.held


def wanted_amount(scene: Scene) -> Decimal:
    """How much the stop should sell: the position less what leaves it otherwise."""
    left = money.subtract(scene.held, money.add(scene.exits, scene.selling))
    return max(rounding.amount(scene.market, left), ZERO)


def is_dust(market: Market, amount: Decimal, price: Decimal | None) -> bool:
    """Too little to be sold on this market."""
    sellable = rounding.amount(market, amount)
    if sellable <= 0 or sellable < market.min_amount:
        return True
    return price is not None and money.multiply(sellable, price) < market.min_cost


def trailed(protection: ProtectionRecord, market: Market, price: Decimal) -> Decimal | None:
    """A better stop price, when the market has gone far enough."""
    if protection.trailing_percent is None:
        return None
    distance = money.divide(money.multiply(price, protection.trailing_percent), Decimal(100))
    stop = rounding.price(market, "buy", money.subtract(price, distance))
    before = protection.stop_price
    if before is None:
        return stop
    return stop if money.subtract(stop, before) > money.multiply(price, _SMALLEST_MOVE) else None


def target_reached(protection: ProtectionRecord, price: Decimal) -> bool:
    return protection.take_profit is not None and price >= protection.take_profit


def _with_target_alone(
    protection: ProtectionRecord, scene: Scene, target: OrderRecord, wanted: Decimal
) -> Step:
    """The stop is gone and the target is not: it was filled in part, or its end is on the way to us."""
    if target.state not in _SETTLED or not target.filled:
        return Step.NOTHING
    if is_dust(scene.market, wanted, protection.stop_price) or protection.stop_price is None:
        return Step.CANCEL if scene.exits > 0 else Step.NOTHING
    return Step.REPLACE


def _with_leg(protection: ProtectionRecord, scene: Scene, leg: OrderRecord, wanted: Decimal) -> Step:
    if leg.state not in _SETTLED:
        return Step.NOTHING
    if is_dust(scene.market, wanted, protection.stop_price) or protection.stop_price is None:
        return Step.CANCEL
    if leg.remaining != wanted or leg.stop_price != protection.stop_price:
        return Step.REPLACE
    return Step.RELEASE if scene.exits > 0 else Step.NOTHING
