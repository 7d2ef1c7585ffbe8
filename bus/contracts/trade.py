"""Owner: trade. Numbers 0x03xx. Money is Decimal: text on the wire, exact on both sides.

Each account is a service of its own: `trade` for main, `trade-NAME` for others (configs/accounts.py). What it
tells names its `account`; a request that names another one is refused (`wrong_account`), "" names none.
"""

from decimal import Decimal

from .base import Delivery, Done, Message, message, request


@message(0x0301, delivery=Delivery.EVENT)
class Order(Message, frozen=True, kw_only=True, gc=False):
    """An order as trade knows it, sent at each change of its state (docs/orders.md has the states).

    `average` is the volume-weighted price of the filled part; `cost` its quote value. Orders of one
    `list_id` cancel each other (OCO); `replaces` is the id of the order that this one took the place of.
    """

    id: str
    client_order_id: str
    exchange_order_id: str
    intent_id: str
    source: str
    exchange: str
    symbol: str
    side: str
    type: str
    state: str
    amount: Decimal
    filled: Decimal
    remaining: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    average: Decimal | None
    cost: Decimal
    time_in_force: str
    reduce_only: bool
    reason: str
    candle_open_ms: int
    created_ms: int
    updated_ms: int
    list_id: str = ""
    replaces: str = ""
    account: str = "main"


@message(0x0302, delivery=Delivery.EVENT)
class Fill(Message, frozen=True, kw_only=True, gc=False):
    """One execution, counted once. `fee` is in `fee_currency`; `id` is the venue's trade id."""

    id: str
    order_id: str
    client_order_id: str
    exchange: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    ts_ms: int
    source: str
    account: str = "main"


@message(0x0303, delivery=Delivery.EVENT)
class Position(Message, frozen=True, kw_only=True, gc=False):
    """A position in one symbol; PnL in quote units, fees included. `average` is None when flat.

    `realised_pnl` is by average cost, `realised_pnl_fifo` by first in, first out.
    """

    exchange: str
    symbol: str
    amount: Decimal
    average: Decimal | None
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    fees: Decimal
    updated_ms: int
    realised_pnl_fifo: Decimal = Decimal(0)
    account: str = "main"


@message(0x0304)
class Balance(Message, frozen=True, kw_only=True, gc=False):
    """The ledger's balance of one asset; `total` = `free` + `used`."""

    exchange: str
    asset: str
    free: Decimal
    used: Decimal
    total: Decimal
    account: str = "main"


@message(0x0305)
class Equity(Message, frozen=True, kw_only=True, gc=False):
    """The account's value in `currency` at market prices, and what it was when this home began."""

    exchange: str
    currency: str
    equity: Decimal
    start_equity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    ts_ms: int
    account: str = "main"


@message(0x0306, delivery=Delivery.EVENT)
class TradingState(Message, frozen=True, kw_only=True, gc=False):
    """ACTIVE, REDUCING (only reducing orders) or HALTED (no new orders, cancels pass). Survives a restart."""

    state: str
    reason: str
    actor: str
    since_ms: int
    account: str = "main"


@message(0x0310, delivery=Delivery.REPLY)
class Orders(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    orders: list[Order]


@request(0x0311, reply=Orders, permission="trade.read")
class ListOrders(Message, frozen=True, kw_only=True, gc=False):
    """Orders of this home, newest first; `open_only` leaves out the finished ones.

    `older_than` is the id of the last order of a page: the next page begins behind it.
    """

    symbol: str | None = None
    open_only: bool = False
    limit: int = 500
    older_than: str = ""


@message(0x0312, delivery=Delivery.REPLY)
class Fills(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    fills: list[Fill]


@request(0x0313, reply=Fills, permission="trade.read")
class ListFills(Message, frozen=True, kw_only=True, gc=False):
    """Fills of this home, newest first.

    `older_than` is `exchange|symbol|id` of the last fill of a page: the next page begins behind it.
    """

    symbol: str | None = None
    since_ms: int | None = None
    limit: int = 500
    older_than: str = ""


@message(0x031F, delivery=Delivery.REPLY)
class Protection(Message, frozen=True, kw_only=True, gc=False):
    """How a position is guarded: a stop that rests on the venue, and a target.

    `stop_order_id` is the order in force, "" while there is none. With a `target_order_id` the target rests
    on the venue as well, as an OCO with the stop; without one trade watches the price. `state` is WAITING
    (for its entry), ARMED, EXITING or ENDED.
    """

    exchange: str
    symbol: str
    stop_price: Decimal | None
    take_profit: Decimal | None
    take_profit_amount: Decimal | None
    trailing_percent: Decimal | None
    stop_order_id: str
    state: str
    actor: str
    target_order_id: str = ""
    account: str = "main"


@message(0x0314, delivery=Delivery.REPLY)
class Portfolio(Message, frozen=True, kw_only=True, gc=False):
    """Everything that a screen needs at once.

    `transferred` is what came (or, below zero, went) by asset other than by trading since this home began:
    deposits, withdrawals, differences that a person adopted. It is inside `equity`.
    """

    positions: list[Position]
    balances: list[Balance]
    equity: Equity | None
    trading_state: TradingState
    protections: list[Protection] = []
    transferred: dict[str, Decimal] = {}


@request(0x0315, reply=Portfolio, permission="trade.read")
class GetPortfolio(Message, frozen=True, kw_only=True, gc=False):
    """Positions, balances, equity and trading state."""


@message(0x0316, delivery=Delivery.REPLY)
class EquityHistory(Message, frozen=True, kw_only=True, gc=False):
    """Oldest first."""

    points: list[Equity]


@request(0x0317, reply=EquityHistory, permission="trade.read")
class ListEquity(Message, frozen=True, kw_only=True, gc=False):
    """The equity curve: the newest `limit` points of the time from `since_ms` to before `before_ms`."""

    since_ms: int | None = None
    limit: int = 2000
    before_ms: int | None = None


@message(0x0318, delivery=Delivery.REPLY)
class LedgerDifference(Message, frozen=True, kw_only=True, gc=False):
    """One asset whose ledger balance is not the venue's."""

    asset: str
    ledger: Decimal
    venue: Decimal


@message(0x0319, delivery=Delivery.REPLY)
class LedgerReport(Message, frozen=True, kw_only=True, gc=False):
    """The ledger held against the venue. `equal` is true only when every asset agrees to the last digit."""

    equal: bool
    differences: list[LedgerDifference]
    orders: int
    fills: int
    open_orders: int
    unknown_orders: int


@request(0x031A, reply=LedgerReport, permission="trade.read")
class VerifyLedger(Message, frozen=True, kw_only=True, gc=False):
    """Ask the venue for its balances, orders and fills now, and compare."""


@request(0x031B, reply=Done, permission="trade.order")
class CancelOrder(Message, frozen=True, kw_only=True, gc=False):
    """Cancel one order by trade's own id."""

    order_id: str
    actor: str
    account: str = ""


@request(0x031C, reply=TradingState, permission="trade.halt")
class SetTradingState(Message, frozen=True, kw_only=True, gc=False):
    """Halt, reduce or re-arm trading.

    With `cancel_orders` all open orders are cancelled; with `flatten` positions are closed.
    """

    state: str
    reason: str
    actor: str
    cancel_orders: bool = False
    flatten: bool = False
    account: str = ""


@request(0x031D, reply=Protection, permission="trade.order")
class ProtectPosition(Message, frozen=True, kw_only=True, gc=False):
    """Guard the position in a symbol until it is closed; a second request replaces the first.

    Args:
        stop_price: a protective stop rests on the venue at this price.
        trailing_percent: the stop follows the best price at this distance; it never moves back.
        take_profit: at this price the position (or `take_profit_amount` of it) is sold.
        entry_intent_id: guard what this intent will buy, from its first fill on (a bracket); the request
            may come before the intent. Without it a position must be there.
    """

    exchange: str
    symbol: str
    actor: str
    stop_price: Decimal | None = None
    trailing_percent: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_amount: Decimal | None = None
    entry_intent_id: str = ""
    account: str = ""


@request(0x031E, reply=Done, permission="trade.order")
class EndProtection(Message, frozen=True, kw_only=True, gc=False):
    """Cancel the stop and forget the targets of a symbol; the position stays."""

    exchange: str
    symbol: str
    actor: str
    account: str = ""


@request(0x0320, reply=LedgerReport, permission="trade.order")
class AdoptDifferences(Message, frozen=True, kw_only=True, gc=False):
    """Book what the venue holds beyond (or below) the ledger as money from outside, and compare again.

    For a deposit or withdrawal that happened while trade was down. The reason is audited.
    """

    actor: str
    reason: str
    account: str = ""


@request(0x0321, reply=Order, permission="trade.order")
class AmendOrder(Message, frozen=True, kw_only=True, gc=False):
    """Give a resting limit order another price or amount, in one step of the venue where it has one.

    The order gets a successor with an id of its own (`replaces` names the old one), which is answered; what
    was filled stays with the old one.

    Args:
        amount: how much shall still rest; None keeps what remains.
        price: None keeps it.
    """

    order_id: str
    actor: str
    price: Decimal | None = None
    amount: Decimal | None = None
    account: str = ""


@message(0x0322, delivery=Delivery.REPLY)
class ActionsReport(Message, frozen=True, kw_only=True, gc=False):
    """Whether the chain of trading actions is as it was written; `wrong_number` is the first that is not."""

    ok: bool
    entries: int
    wrong_number: int = 0
    reason: str = ""


@request(0x0323, reply=ActionsReport, permission="audit.read")
class VerifyActions(Message, frozen=True, kw_only=True, gc=False):
    """Check the seals of every trading action in trade's database."""


@message(0x0328, delivery=Delivery.REPLY)
class KeyReport(Message, frozen=True, kw_only=True, gc=False):
    """What a venue says of an API key; None where it does not tell."""

    trade: bool | None
    withdraw: bool | None


@request(0x0329, reply=KeyReport, permission="secret.write")
class CheckKey(Message, frozen=True, kw_only=True, gc=False):
    """Show an API key to its venue once, before it is kept. RequestFailedError("key_refused") when it is bad.

    The key travels in this request alone and is forgotten afterwards.
    """

    exchange: str
    api_key: str
    api_secret: str
    api_password: str = ""
