"""Settings of the accounts beside the first."""

from decimal import Decimal
from typing import Annotated

import msgspec

from .base import Section, decimal_setting, setting


class AccountSettings(Section, frozen=True, kw_only=True):
    """One account that is traded. Limits that are empty are those of the sections trade and risk."""

    venue: Annotated[
        str,
        setting(
            "Where it is: data.exchange or a name of data.venues; empty is data.exchange.", max_length=40
        ),
    ] = ""
    key: Annotated[
        str,
        setting(
            "Name of its API key: the secrets KEY.api_key and KEY.api_secret; empty takes the venue's name "
            "for main and VENUE-ACCOUNT for another. The paper exchange needs none.",
            pattern=r"^[a-z0-9_-]{0,40}$",
            form="up to 40 of a-z, 0-9, - and _",
        ),
    ] = ""
    balances: Annotated[
        dict[str, Decimal],
        setting("What it holds at first when the venue is a paper exchange; empty takes paper.balances."),
    ] = msgspec.field(default_factory=dict)
    max_order_value: Annotated[
        Decimal | None, decimal_setting("Largest value of one order.", unit="quote", gt="0")
    ] = None
    max_position_value: Annotated[
        Decimal | None, decimal_setting("Largest value of one position.", unit="quote", gt="0")
    ] = None
    max_open_orders: Annotated[int | None, decimal_setting("Most open orders at a time.", gt="0")] = None
    max_orders_per_minute: Annotated[int | None, decimal_setting("Most new orders a minute.", gt="0")] = None
    price_collar_percent: Annotated[
        Decimal | None,
        decimal_setting("A limit price further than this from the market is denied.", unit="%", gt="0"),
    ] = None
    max_daily_drawdown_percent: Annotated[
        Decimal | None,
        decimal_setting("Largest loss within a day, of the equity at its start.", unit="%", gt="0"),
    ] = None
    max_total_drawdown_percent: Annotated[
        Decimal | None, decimal_setting("Largest loss from the best equity ever; halts.", unit="%", gt="0")
    ] = None
    max_total_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that may be invested, of its equity.", unit="%", gt="0")
    ] = None
    max_asset_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that one asset may be worth, of its equity.", unit="%", gt="0")
    ] = None
    max_strategy_exposure_percent: Annotated[
        Decimal | None, decimal_setting("Most that one strategy may hold, of its equity.", unit="%", gt="0")
    ] = None
