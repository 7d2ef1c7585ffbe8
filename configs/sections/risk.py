"""Settings of the risk service. Limits that are empty are off."""

from decimal import Decimal
from typing import Annotated, Literal

from .base import Section, decimal_setting, setting


class RiskSettings(Section, frozen=True, kw_only=True):
    """The risk service: limits over the whole account. It runs with services.risk.enabled."""

    interval_s: Annotated[float, setting("How often everything is checked.", unit="s", ge=0.2, le=60)] = 1.0
    silence_s: Annotated[
        float,
        setting(
            "When trade hears nothing from risk for so long, it opens nothing until risk is back.",
            unit="s",
            ge=1,
            le=600,
        ),
    ] = 5.0
    on_halt: Annotated[
        Literal["none", "cancel", "flatten"],
        setting("What a halt does beside refusing orders: cancel open orders, or close all positions, too."),
    ] = "cancel"
    oversize_orders: Annotated[
        Literal["shrink", "deny"],
        setting("An order larger than the room that the limits leave is made smaller, or denied."),
    ] = "shrink"
    day_zone: Annotated[
        str, setting("Time zone in which a day begins, such as UTC or Europe/Berlin.", max_length=64)
    ] = "UTC"
    max_daily_drawdown_percent: Annotated[
        Decimal | None,
        decimal_setting("Largest loss within a day, of the equity at its start.", unit="%", gt="0"),
    ] = Decimal(5)
    daily_drawdown_from: Annotated[
        Literal["start", "peak"], setting("Measure the day's loss from its first equity, or from its best.")
    ] = "start"
    daily_drawdown_action: Annotated[
        Literal["halt", "reduce"],
        setting("halt needs a person to go on; reduce opens nothing more until the next day."),
    ] = "halt"
    max_total_drawdown_percent: Annotated[
        Decimal | None, decimal_setting("Largest loss from the best equity ever; halts.", unit="%", gt="0")
    ] = Decimal(20)
    max_total_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that may be invested, of equity.", unit="%", gt="0")
    ] = None
    max_all_accounts_exposure_percent: Annotated[
        Decimal | None,
        decimal_setting(
            "Most that may be invested in all accounts, of all their equity.", unit="%", gt="0"
        ),
    ] = None
    max_asset_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that one asset may be worth, of equity.", unit="%", gt="0")
    ] = None
    max_strategy_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that one strategy may hold, of equity.", unit="%", gt="0")
    ] = None
    max_correlated_exposure_percent: Annotated[
        Decimal | None,
        decimal_setting("Most that assets which move together may be worth, of equity.", unit="%", gt="0"),
    ] = None
    correlation_threshold: Annotated[
        Decimal,
        decimal_setting("Returns correlated above this move together; unknown ones count as 1.", ge="0"),
    ] = Decimal("0.7")
    target_volatility_percent: Annotated[
        Decimal | None,
        decimal_setting(
            "One position may move the equity by so much in a day (one standard deviation); "
            "calmer assets get larger positions.",
            unit="%",
            gt="0",
        ),
    ] = None
    max_value_at_risk_percent: Annotated[
        Decimal | None,
        decimal_setting(
            "Largest value at risk of the account, of equity; above it only reducing.", unit="%", gt="0"
        ),
    ] = None
    max_expected_shortfall_percent: Annotated[
        Decimal | None,
        decimal_setting("Largest expected shortfall, of equity; above it only reducing.", unit="%"),
    ] = None
    tail_method: Annotated[
        Literal["historical", "parametric"],
        setting("How value at risk and expected shortfall are estimated."),
    ] = "historical"
    tail_confidence: Annotated[Decimal, decimal_setting("Confidence of value at risk.", gt="0.5", lt="1")] = (
        Decimal("0.95")
    )
    tail_horizon_candles: Annotated[
        int, setting("Candles ahead that value at risk looks.", ge=1, le=10_000)
    ] = 1
    window_candles: Annotated[
        int,
        setting("Candles that volatility, correlation and value at risk are estimated from.", ge=20, le=5000),
    ] = 250
    cooldown_s: Annotated[
        float, setting("Pause in a market after a trade in it has ended; 0 is none.", unit="s", ge=0)
    ] = 0.0
    losing_streak: Annotated[
        int,
        setting("So many losing trades in a row pause a strategy in that market; 0 is off.", ge=0, le=1000),
    ] = 5
    losing_streak_global: Annotated[
        int, setting("So many losing trades in a row, of all strategies, pause all; 0 is off.", ge=0, le=1000)
    ] = 0
    stop_streak: Annotated[
        int,
        setting(
            "So many stopped trades of a market within streak_window_s pause it; 0 is off.", ge=0, le=1000
        ),
    ] = 3
    stop_streak_global: Annotated[
        int,
        setting("So many stopped trades of all markets within streak_window_s pause all; 0 is off.", ge=0),
    ] = 0
    streak_window_s: Annotated[
        float, setting("How far back losing and stopped trades count.", unit="s", ge=1)
    ] = 86_400.0
    streak_pause_s: Annotated[float, setting("How long a streak pauses.", unit="s", ge=1)] = 3600.0
    max_price_age_s: Annotated[
        float, setting("No entries in a market without news for so long.", unit="s", gt=0)
    ] = 30.0
    max_spread_percent: Annotated[
        Decimal | None, decimal_setting("No entries in a market with a wider spread.", unit="%", gt="0")
    ] = Decimal(1)
