"""Settings of the portfolio service."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from .base import Section, decimal_setting, setting


class PortfolioSettings(Section, frozen=True, kw_only=True):
    """The portfolio service: weights, rebalancing, history. It runs with services.portfolio.enabled."""

    method: Annotated[
        Literal["target", "equal", "inverse-volatility", "risk-parity", "minimum-variance"],
        setting("How the weights of the markets are chosen; target takes portfolio.targets."),
    ] = "target"
    symbols: Annotated[
        list[str], setting("Markets that are held, in ccxt's spelling; all with one quote asset.")
    ] = msgspec.field(default_factory=list)
    targets: Annotated[
        dict[str, Decimal],
        setting('Weights of the markets for method target, as parts of one: {"BTC/USDT": "0.5"}.'),
    ] = msgspec.field(default_factory=dict)
    cash_weight: Annotated[
        Decimal, decimal_setting("Part that stays in cash, for every method but target.", ge="0", lt="1")
    ] = Decimal(0)
    max_weight: Annotated[
        Decimal, decimal_setting("Largest weight of one market that a method may choose.", gt="0")
    ] = Decimal(1)
    strategy_method: Annotated[
        Literal["off", "target", "equal", "inverse-volatility", "risk-parity", "minimum-variance"],
        setting("How the money is divided between strategies; the risk service keeps it in force."),
    ] = "off"
    strategy_targets: Annotated[
        dict[str, Decimal],
        setting('Parts of the strategies for strategy_method target: {"ema-cross": "0.6"}.'),
    ] = msgspec.field(default_factory=dict)
    leave_strategies: Annotated[
        bool, setting("Leave alone what strategies hold; else it counts and may be sold.")
    ] = True
    drift_percent: Annotated[
        Decimal,
        decimal_setting("A weight is corrected when it is off by so many percent of the portfolio.", gt="0"),
    ] = Decimal(5)
    min_order_value: Annotated[
        Decimal, decimal_setting("Smaller corrections are left out.", unit="quote", ge="0")
    ] = Decimal(10)
    fee_percent: Annotated[
        Decimal, decimal_setting("What a trade costs in fees, for weighing it.", unit="%", ge="0")
    ] = Decimal("0.1")
    risk_aversion: Annotated[
        Decimal,
        decimal_setting(
            "How much a deviation's risk weighs against costs; 3 is usual, 0 trades on drift alone.", ge="0"
        ),
    ] = Decimal(3)
    horizon_days: Annotated[
        float, setting("How long a deviation is thought to last, for weighing it.", ge=0.01, le=3650)
    ] = 30.0
    plan_valid_s: Annotated[
        float, setting("A plan older than this is not carried out.", unit="s", ge=5, le=3600)
    ] = 120.0
    order_timeout_s: Annotated[
        float, setting("How long an order of a rebalance may take.", unit="s", ge=1, le=600)
    ] = 30.0
    window_candles: Annotated[
        int, setting("Candles that volatility and correlation are estimated from.", ge=20, le=5000)
    ] = 250
    interval_s: Annotated[
        float, setting("How often equity and cash flows are looked at.", unit="s", ge=0.2, le=3600)
    ] = 5.0
    cost_basis: Annotated[
        Literal["fifo", "lifo", "hifo", "average"],
        setting("Which coins a sale takes, for gains and tax lots."),
    ] = "fifo"
    other_accounts: Annotated[
        dict[str, dict[str, Decimal]],
        setting('What is held elsewhere, shown and valued but never traded: {"ledger": {"BTC": "0.5"}}.'),
    ] = msgspec.field(default_factory=dict)
