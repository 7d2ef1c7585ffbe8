"""Owner: strategy. Numbers 0x02xx."""

import hashlib
from decimal import Decimal

from .base import Delivery, Done, Message, message, request


def correlation_of(intent_id: str) -> str:
    """32 hex digits that tie all messages of one intent together: its signal, orders, fills, bookings."""
    return hashlib.sha256(intent_id.encode()).hexdigest()[:32]


@message(0x0201, delivery=Delivery.EVENT)
class Signal(Message, frozen=True, kw_only=True, gc=False):
    """A strategy decided something, on the close of the candle that opened at `candle_open_ms`."""

    strategy: str
    symbol: str
    side: str
    reason: str
    candle_open_ms: int
    price: str
    intent_id: str = ""


@message(0x0202)
class IndicatorValues(Message, frozen=True, kw_only=True, gc=False):
    """The values of a strategy's declared indicators on one finished candle, for charts. NaN is left out."""

    strategy: str
    symbol: str
    timeframe: str
    open_ms: int
    values: dict[str, float]


@message(0x0216, delivery=Delivery.REPLY)
class DeclaredParameter(Message, frozen=True, kw_only=True, gc=False):
    """A parameter as the strategy's author declared it, values as text. `low` and `high` may be empty.

    Args:
        kind: int, float, str or bool.
        choices: the only values that are allowed; empty allows all within the range.
    """

    name: str
    kind: str
    default: str
    low: str = ""
    high: str = ""
    choices: list[str] = []
    help: str = ""


@message(0x0210, delivery=Delivery.REPLY)
class StrategyStatus(Message, frozen=True, kw_only=True, gc=False):
    """One running strategy. `state` is RUNNING, WARMING_UP, STOPPED or FAILED; `reason` says why.

    Args:
        mode: live (orders go to the venue) or dry (fills are simulated on the same candles).
        feeds: further series that it reads, such as "ETH/USDT 1h".
        changed: parameters that were changed while it ran, over those of the settings.
        held: what this run itself holds, by market, in base units.
        realised: what its sales gained, in quote units, fees included.
        cash: of a dry run: simulated free money; None for a live one, which shares the account's.
        process: the service that runs it.
        declared: which parameters there are, as far as its code could be read.
    """

    name: str
    title: str
    exchange: str
    symbol: str
    timeframe: str
    state: str
    reason: str
    parameters: dict[str, str]
    candles: int
    signals: int
    mode: str = "live"
    feeds: list[str] = []
    changed: list[str] = []
    held: dict[str, Decimal] = {}
    realised: Decimal = Decimal(0)
    cash: Decimal | None = None
    process: str = "strategy"
    declared: list[DeclaredParameter] = []
    account: str = "main"


@message(0x0211, delivery=Delivery.REPLY)
class Strategies(Message, frozen=True, kw_only=True, gc=False):
    """All strategies that run, and the names of those that could."""

    strategies: list[StrategyStatus]
    available: list[str]


@request(0x0212, reply=Strategies, permission="strategy.read")
class ListStrategies(Message, frozen=True, kw_only=True, gc=False):
    """Which strategies are there."""


@request(0x0213, reply=Done, permission="strategy.control")
class SetStrategyRunning(Message, frozen=True, kw_only=True, gc=False):
    """Start or stop one strategy; stopping leaves its position and orders as they are."""

    name: str
    running: bool
    actor: str


@request(0x0214, reply=Done, permission="strategy.control")
class SetStrategyParameters(Message, frozen=True, kw_only=True, gc=False):
    """Change parameters of one running strategy from its next candle on; refused whole when one is wrong.

    They win over those of the settings and survive restarts until they are `reset`, which comes first.
    """

    name: str
    values: dict[str, str]
    actor: str
    reset: bool = False


@message(0x0215)
class DryFill(Message, frozen=True, kw_only=True, gc=False):
    """A simulated execution of a strategy in dry mode, on `dry.<run>`; no order was sent anywhere."""

    strategy: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    candle_open_ms: int
    reason: str = ""


@message(0x0220, delivery=Delivery.REPLY)
class OrderIntentReply(Message, frozen=True, kw_only=True, gc=False):
    """What trade did with an intent: journalled under `order_id`, or denied with a code and a sentence."""

    accepted: bool
    order_id: str
    code: str = ""
    reason: str = ""


@request(0x0221, reply=OrderIntentReply, permission="trade.order")
class OrderIntent(Message, frozen=True, kw_only=True, gc=False):
    """A wish for an order, sent to trade. The same `intent_id` is the same wish: it makes one order, ever.

    Args:
        side: buy or sell.
        type: market or limit.
        amount: in base units; exactly one of `amount` and `cash` is given.
        cash: in quote units, for a market buy.
        reduce_only: never make the position larger or turn it round.
        candle_open_ms: the candle whose close caused this; 0 for a person's order.
        reference_price: the price the decision was made on, for the price collar and slippage.
        account: trade denies an intent for another account than its own.
    """

    intent_id: str
    source: str
    exchange: str
    symbol: str
    side: str
    type: str
    amount: Decimal | None = None
    cash: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "GTC"
    post_only: bool = False
    reduce_only: bool = False
    candle_open_ms: int = 0
    reference_price: Decimal | None = None
    reason: str = ""
    account: str = "main"
