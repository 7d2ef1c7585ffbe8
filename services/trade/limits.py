"""The always-on limits: what every order must pass before it is journalled. Fails closed.

Pure: `check` sees a picture of the account and answers; it changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ...configs.schema import TradeSettings
from ..connectors.venue import Market, OrderRequest
from . import money
from .money import ZERO

ACTIVE, REDUCING, HALTED = "ACTIVE", "REDUCING", "HALTED"
TRADING_STATES = (ACTIVE, REDUCING, HALTED)


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an order is not sent: a stable code, and a sentence for people."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the limits look at.

    Args:
        price: last price of the symbol; None before the first.
        stale_s: age of that price in seconds.
        position: base units held by trading, signed.
        closing: base units that open reduce-only orders of the opposite side will take away already.
        free_base, free_quote: what the ledger has free.
        buying: quote value of open buy orders of the symbol.
        open_orders: of the whole account.
        orders_last_minute: new orders sent or waiting.
        in_step: the last comparison with the venue succeeded.
    """

    trading_state: str
    price: Decimal | None
    stale_s: float
    position: Decimal
    closing: Decimal
    free_base: Decimal
    free_quote: Decimal
    buying: Decimal
    open_orders: int
    orders_last_minute: int
    in_step: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """The order in question, on the market's grid already.

    Args:
        source: who wants it.
        risk: the risk service's verdict on it; None lets it pass.
    """

    request: OrderRequest
    market: Market
    reduce_only: bool
    picture: Picture
    settings: TradeSettings
    stale_after_s: float
    source: str = ""
    risk: "Callable[[Subject], Denial | None] | None" = None

    @property
    def price(self) -> Decimal:
        """What one unit is expected to cost."""
        return self.request.price or self.request.stop_price or self.picture.price or ZERO

    @property
    def value(self) -> Decimal:
        return money.multiply(self.request.amount, self.price)

    @property
    def reduces(self) -> bool:
        """It can only make the position smaller."""
        held = self.picture.position
        opposite = self.request.side == "sell" if held > 0 else self.request.side == "buy" and held < 0
        return opposite and money.add(self.request.amount, self.picture.closing) <= abs(held)


def check(subject: Subject) -> Denial | None:
    """None when the order may be sent, else the first reason against it. An error in a check is a reason."""
    for rule in RULES:
        try:
            denial = rule(subject)
        except Exception as error:  # the guard itself failed: no new risk until it works again
            return Denial(
                "check_failed", f"The limit {rule.__name__.strip('_')} could not be checked ({error!r})."
            )
        if denial is not None:
            return denial
    return None


def account_for(subject: Subject | None, denial: Denial | None) -> bytes:
    """What was looked at and what came of it, as JSON: for whoever asks later why an order was made.

    Args:
        subject: None when the order was malformed and nothing was looked at.
    """
    names = [rule.__name__.strip("_") for rule in RULES]
    told: dict[str, object] = {"denied": "" if denial is None else f"{denial.code}: {denial.reason}"}
    if subject is not None:
        told |= {"checked": names, "value": subject.value, "expected_price": subject.price}
        told["saw"] = subject.picture
    return msgspec.json.encode(told)


def _risk(subject: Subject) -> Denial | None:
    return None if subject.risk is None else subject.risk(subject)


def _trading_state(subject: Subject) -> Denial | None:
    state = subject.picture.trading_state
    if state == ACTIVE or (state == REDUCING and subject.reduces):
        return None
    if state == REDUCING:
        return Denial("reducing", "Trading is REDUCING: only orders that make a position smaller pass.")
    return Denial("halted", f"Trading is {state}; a person re-arms it with `cryptobot resume`.")


def _in_step(subject: Subject) -> Denial | None:
    if subject.picture.in_step or subject.reduces:
        return None
    return Denial(
        "not_reconciled", "The last comparison with the venue failed; no entries until it succeeds."
    )


def _market_open(subject: Subject) -> Denial | None:
    market = subject.market
    return (
        None if market.active else Denial("market_closed", f"{market.symbol} does not trade at the moment.")
    )


def _fresh_price(subject: Subject) -> Denial | None:
    picture = subject.picture
    if picture.price is None:
        return Denial("no_price", f"No price of {subject.market.symbol} is known yet.")
    if picture.stale_s > subject.stale_after_s and not subject.reduces:
        return Denial(
            "stale_price", f"The last price is {picture.stale_s:.0f} s old; no entries on stale data."
        )
    return None


def _size(subject: Subject) -> Denial | None:
    amount, market = subject.request.amount, subject.market
    if amount <= 0 or amount < market.min_amount:
        return Denial("amount_too_small", f"{amount} is below the smallest amount {market.min_amount}.")
    if market.max_amount is not None and amount > market.max_amount:
        return Denial("amount_too_large", f"{amount} is above the largest amount {market.max_amount}.")
    if subject.request.price is not None and subject.request.price <= 0:
        return Denial("bad_price", f"The price {subject.request.price} is not above zero.")
    if subject.value < market.min_cost:
        return Denial("value_too_small", f"{subject.value:f} is below the smallest value {market.min_cost}.")
    return None


def _order_value(subject: Subject) -> Denial | None:
    most = subject.settings.max_order_value
    if subject.value <= most or subject.reduces:
        return None
    return Denial(
        "max_order_value", f"The order is worth {subject.value:f}, more than {most} (max_order_value)."
    )


def _position_value(subject: Subject) -> Denial | None:
    if subject.reduces:
        return None
    picture, sign = subject.picture, 1 if subject.request.side == "buy" else -1
    after = money.add(picture.position, sign * subject.request.amount)
    value = abs(money.multiply(after, subject.price))
    if subject.request.side == "buy":
        value = money.add(value, picture.buying)
    most = subject.settings.max_position_value
    if value <= most:
        return None
    return Denial("max_position_value", f"The position would be worth {value:f}, more than {most}.")


def _open_orders(subject: Subject) -> Denial | None:
    most = subject.settings.max_open_orders
    if subject.picture.open_orders < most:
        return None
    return Denial("max_open_orders", f"{subject.picture.open_orders} orders are open; the limit is {most}.")


def _rate(subject: Subject) -> Denial | None:
    most = subject.settings.max_orders_per_minute
    if subject.picture.orders_last_minute < most:
        return None
    return Denial("max_orders_per_minute", f"{most} orders were made within a minute already.")


def _collar(subject: Subject) -> Denial | None:
    price, last = subject.request.price, subject.picture.price
    if price is None or last is None:
        return None
    off = money.divide(abs(money.subtract(price, last)) * 100, last)
    most = subject.settings.price_collar_percent
    if off <= most:
        return None
    return Denial("price_collar", f"{price} is {off:.2f} % from the market at {last}; {most} % are allowed.")


def _funds(subject: Subject) -> Denial | None:
    picture, request, market = subject.picture, subject.request, subject.market
    if request.side == "sell":
        need, free, asset = request.amount, picture.free_base, market.base
    else:
        need, free, asset = subject.value, picture.free_quote, market.quote
    if need <= free:
        return None
    return Denial("insufficient_funds", f"{need:f} {asset} are needed, {free:f} are free.")


RULES: tuple[Callable[[Subject], Denial | None], ...] = (
    _risk,
    _trading_state,
    _in_step,
    _market_open,
    _fresh_price,
    _size,
    _order_value,
    _position_value,
    _open_orders,
    _rate,
    _collar,
    _funds,
)
