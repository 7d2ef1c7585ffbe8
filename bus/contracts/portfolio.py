"""Owner: portfolio. Numbers 0x09xx. Money is Decimal; weights are parts of one; percentages: 5 is five."""

from decimal import Decimal

from .base import Delivery, Message, message, request

POINT_TOPIC = "portfolio.equity"
BUDGETS_TOPIC = "portfolio.budgets"


def of_account(topic: str, account: str) -> str:
    """The topic of an account; a listener of main's hears it as well, and looks at `account`."""
    return topic if account == "main" else f"{topic}.{account}"


@message(0x0901)
class PortfolioPoint(Message, frozen=True, kw_only=True, gc=False):
    """One moment of the portfolio. `price` of a unit tells what trading alone did (docs/portfolio.md);
    `flow` is what came or went other than by trading since the point before, inside `equity`.
    """

    ts_ms: int
    currency: str
    equity: Decimal
    flow: Decimal
    price: Decimal
    account: str = "main"


@message(0x0902, delivery=Delivery.REPLY)
class PortfolioWeight(Message, frozen=True, kw_only=True, gc=False):
    """What the account holds of one asset, or its cash (`symbol` is then the currency); `weight` is of the
    whole equity.

    `left_alone` of the amount is not balanced: what strategies hold, or what has no target. `own_weight` is
    that of the rest, within all that is balanced; `drift` is `own_weight` - `target`. None where nothing is
    balanced.
    """

    symbol: str
    amount: Decimal
    price: Decimal
    value: Decimal
    weight: Decimal
    target: Decimal | None
    drift: Decimal | None
    left_alone: Decimal = Decimal(0)
    own_weight: Decimal | None = None


@message(0x0903, delivery=Delivery.REPLY)
class SourcePosition(Message, frozen=True, kw_only=True, gc=False):
    """What one strategy (or other source of orders) holds of a market that several may share."""

    source: str
    symbol: str
    amount: Decimal
    average: Decimal | None
    value: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    fees: Decimal
    fills: int
    closed_trades: int
    account: str = "main"


@message(0x0904, delivery=Delivery.REPLY)
class OtherHolding(Message, frozen=True, kw_only=True, gc=False):
    """Something held elsewhere, as the settings tell; `value` is None while its price is not known."""

    account: str
    asset: str
    amount: Decimal
    value: Decimal | None


@message(0x0905, delivery=Delivery.REPLY)
class ReturnFigures(Message, frozen=True, kw_only=True, gc=False):
    """Returns of a span in percent. Time-weighted: what trading did. Money-weighted: what the money got;
    None where no rate solves it. Annual figures only from thirty days on.
    """

    since_ms: int
    until_ms: int
    start_equity: Decimal
    end_equity: Decimal
    deposited: Decimal
    withdrawn: Decimal
    profit: Decimal
    time_weighted: Decimal
    money_weighted: Decimal | None
    annual_time_weighted: Decimal | None
    annual_money_weighted: Decimal | None


@message(0x0914, delivery=Delivery.REPLY)
class StrategyBudget(Message, frozen=True, kw_only=True, gc=False):
    """How much money a strategy may use, as its part (`weight`) of the equity, and how much it uses."""

    strategy: str
    weight: Decimal
    budget: Decimal
    used: Decimal


@message(0x0915)
class PortfolioBudgets(Message, frozen=True, kw_only=True, gc=False):
    """What every strategy may use now; the risk service, where it runs, keeps it in force. Empty: not
    divided.
    """

    ts_ms: int
    currency: str
    budgets: list[StrategyBudget]
    account: str = "main"


@message(0x0916, delivery=Delivery.REPLY)
class AccountShare(Message, frozen=True, kw_only=True, gc=False):
    """What one account is of all; `equity` and `weight` are None while it is not known, `note` says why."""

    account: str
    exchange: str
    currency: str
    equity: Decimal | None
    weight: Decimal | None
    trading: str
    note: str


@message(0x0906, delivery=Delivery.REPLY)
class PortfolioReport(Message, frozen=True, kw_only=True, gc=False):
    """Everything at once. `note` is "" or a sentence about what cannot be told now.

    `account` is "" for all accounts together; `accounts` are then their parts.
    """

    currency: str
    equity: Decimal | None
    method: str
    weights: list[PortfolioWeight]
    sources: list[SourcePosition]
    others: list[OtherHolding]
    returns: ReturnFigures | None
    note: str
    budgets: list[StrategyBudget] = []
    account: str = "main"
    accounts: list[AccountShare] = []


@request(0x0907, reply=PortfolioReport, permission="trade.read")
class GetPortfolioReport(Message, frozen=True, kw_only=True, gc=False):
    """Weights, what each strategy holds, returns: of an account, or with "" of all together."""

    account: str = ""


@message(0x0908, delivery=Delivery.REPLY)
class PlannedOrder(Message, frozen=True, kw_only=True, gc=False):
    """One correction. With `skipped` it is not made, and `reason` says why.

    `cost` are fee and half the spread; `benefit` is what the deviation is thought to cost otherwise; None
    when it is not weighed.
    """

    symbol: str
    side: str
    amount: Decimal
    price: Decimal
    value: Decimal
    weight: Decimal
    target: Decimal
    cost: Decimal
    benefit: Decimal | None
    skipped: bool
    reason: str


@message(0x0909, delivery=Delivery.REPLY)
class RebalancePlan(Message, frozen=True, kw_only=True, gc=False):
    """What would be done. `id` names it for `Rebalance` until `valid_until_ms`."""

    id: str
    made_ms: int
    valid_until_ms: int
    currency: str
    equity: Decimal
    cash: Decimal
    method: str
    orders: list[PlannedOrder]
    sentence: str
    account: str = "main"


@request(0x090A, reply=RebalancePlan, permission="trade.read")
class PlanRebalance(Message, frozen=True, kw_only=True, gc=False):
    """Make a plan for an account; nothing is sent."""

    account: str = "main"


@message(0x090B, delivery=Delivery.REPLY)
class SentOrder(Message, frozen=True, kw_only=True, gc=False):
    """What became of one order of a plan."""

    symbol: str
    side: str
    amount: Decimal
    order_id: str
    state: str
    filled: Decimal
    average: Decimal | None
    reason: str


@message(0x090C, delivery=Delivery.REPLY)
class RebalanceResult(Message, frozen=True, kw_only=True, gc=False):
    """How a rebalance ended: DONE, PARTLY or NOTHING."""

    plan_id: str
    state: str
    orders: list[SentOrder]
    sentence: str


@request(0x090D, reply=RebalanceResult, permission="trade.order")
class Rebalance(Message, frozen=True, kw_only=True, gc=False):
    """Carry a plan out: sells first, then buys. Answered when its orders have ended; a plan is carried out
    once, however often it is asked for.
    """

    plan_id: str
    actor: str
    account: str = ""


@message(0x090E, delivery=Delivery.REPLY)
class TaxDisposal(Message, frozen=True, kw_only=True, gc=False):
    """Coins that went. `acquired_ms`, `cost` and `gain` are None where nobody knows them; `proceeds` is None
    for a withdrawal. Fees in base or quote are inside; `fee_elsewhere` (such as "0.001 BNB") is not.
    """

    symbol: str
    asset: str
    currency: str
    amount: Decimal
    acquired_ms: int | None
    disposed_ms: int
    proceeds: Decimal | None
    cost: Decimal | None
    gain: Decimal | None
    origin: str
    lot: str
    disposal: str
    fee_elsewhere: str
    account: str = "main"


@message(0x090F, delivery=Delivery.REPLY)
class TaxLot(Message, frozen=True, kw_only=True, gc=False):
    """Coins that are still there."""

    symbol: str
    asset: str
    currency: str
    amount: Decimal
    acquired_ms: int
    cost: Decimal | None
    origin: str
    lot: str
    account: str = "main"


@message(0x0910, delivery=Delivery.REPLY)
class TaxLots(Message, frozen=True, kw_only=True, gc=False):
    """Disposals oldest first, and the lots that are open."""

    method: str
    disposals: list[TaxDisposal]
    open: list[TaxLot]


@request(0x0911, reply=TaxLots, permission="trade.read")
class ListTaxLots(Message, frozen=True, kw_only=True, gc=False):
    """Gains and lots of an account, or with "" of all, each by itself.

    `method` "" takes the settings' one; `since_ms` and `until_ms` choose disposals.
    """

    method: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    account: str = ""


@message(0x0912, delivery=Delivery.REPLY)
class PortfolioHistory(Message, frozen=True, kw_only=True, gc=False):
    """Oldest first."""

    points: list[PortfolioPoint]


@request(0x0913, reply=PortfolioHistory, permission="trade.read")
class ListPortfolioHistory(Message, frozen=True, kw_only=True, gc=False):
    """The history of equity and flows: the newest `limit` points from `since_ms` to before `before_ms`."""

    since_ms: int | None = None
    limit: int = 2000
    before_ms: int | None = None
    account: str = ""
