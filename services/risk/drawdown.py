"""Losses of a day and of all time, on the price of a unit: deposits and withdrawals are no profit or loss."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ...configs.errors import StartError
from ..accounting import fund
from ..accounting.exact import ZERO, add, multiply, scale, subtract
from ..accounting.fund import Fund


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of a unit that losses are measured from. `day` is a date in the zone of the settings."""

    units: Decimal
    price: Decimal
    best: Decimal
    day: str
    day_start: Decimal
    day_best: Decimal

    @property
    def equity(self) -> Decimal:
        return scale(self.units, self.price)

    def equity_at(self, price: Decimal) -> Decimal:
        """Today's units at another price: what the account would be worth, had it stayed there."""
        return scale(self.units, price)


def zone_of(name: str) -> tzinfo:
    """The time zone of the settings.

    Raises:
        StartError: there is none of that name.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise StartError(
            f"risk.day_zone is {name!r}, which is no time zone that this machine knows; "
            "write UTC or a name such as Europe/Berlin (on Windows: pip install tzdata)."
        ) from error


def day_of(now_ms: int, zone: tzinfo) -> str:
    """The date of a moment in a zone."""
    return datetime.fromtimestamp(now_ms / 1000, zone).date().isoformat()


def begun(equity: Decimal, day: str) -> Marks:
    """The first marks."""
    price = Decimal(1)
    return Marks(units=equity, price=price, best=price, day=day, day_start=price, day_best=price)


def advanced(marks: Marks, equity: Decimal, flow: Decimal, day: str) -> Marks:
    """The marks after a new valuation.

    Args:
        flow: money that came or went other than by trading since the last valuation; inside `equity`.
    """
    now = Fund(marks.units, marks.price).valued(equity, flow)
    if day != marks.day:
        # What was lost over midnight belongs to the new day: it is measured from the last price of the old
        # one. After days without us that price is no yesterday's.
        start = marks.price if _follows(marks.day, day) else now.price
        day_best = max(start, now.price)
    else:
        start, day_best = marks.day_start, max(marks.day_best, now.price)
    return Marks(
        units=now.units,
        price=now.price,
        best=max(marks.best, now.price),
        day=day,
        day_start=start,
        day_best=day_best,
    )


def _follows(before: str, day: str) -> bool:
    return date.fromisoformat(day) - date.fromisoformat(before) == timedelta(days=1)


def rearmed(marks: Marks) -> Marks:
    """A person has accepted the losses until now."""
    return msgspec.structs.replace(marks, best=marks.price, day_start=marks.price, day_best=marks.price)


def daily_loss(marks: Marks, measured_from: str) -> Decimal:
    """Percent lost today; `measured_from` is start or peak."""
    return fund.drawdown(marks.price, marks.day_best if measured_from == "peak" else marks.day_start)


def total_loss(marks: Marks) -> Decimal:
    """Percent lost from the best ever."""
    return fund.drawdown(marks.price, marks.best)


def flow_value(before: dict[str, Decimal], after: dict[str, Decimal], prices: dict[str, Decimal]) -> Decimal:
    """What came between two readings of `transferred`, valued now; what has no price is in no equity."""
    value = ZERO
    for asset in {*before, *after}:
        change = subtract(after.get(asset, ZERO), before.get(asset, ZERO))
        if change and asset in prices:
            value = add(value, multiply(change, prices[asset]))
    return value
