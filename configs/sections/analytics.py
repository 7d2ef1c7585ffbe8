"""Settings of the analytics service: what the account is compared with, and which reports make themselves."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .base import Section, setting


class ScheduledReport(Section, frozen=True, kw_only=True):
    """One report that is made again and again and goes out as a notice `report.NAME`."""

    every: Annotated[
        Literal["day", "week", "month"],
        setting("It covers, and comes after, a day, a week (from Monday) or a month.", applies="live"),
    ] = "day"
    at: Annotated[str, setting("At this time, in analytics.timezone.", applies="live")] = "07:30"
    format: Annotated[
        Literal["html", "csv", "parquet", "json"], setting("Form of the attached file.", applies="live")
    ] = "html"
    enabled: Annotated[bool, setting("Make this report.", applies="live")] = True


class AnalyticsSettings(Section, frozen=True, kw_only=True):
    """Performance over any period. The service runs with services.analytics.enabled."""

    benchmark: Annotated[
        str,
        setting(
            "Market whose price the account is compared with; empty is the first of data.symbols.",
            applies="live",
        ),
    ] = ""
    interval_s: Annotated[
        float, setting("How often equity and prices are written down.", unit="s", ge=1, le=3600)
    ] = 60.0
    keep_fine_s: Annotated[
        float,
        setting("After this time one point an hour is kept, for ever.", unit="s", applies="live", ge=86_400),
    ] = 14 * 86_400.0
    timezone: Annotated[
        str, setting("Zone of the reports' times; empty is the machine's.", applies="live")
    ] = ""
    reports: Annotated[
        dict[Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")], ScheduledReport],
        setting("Name of the report: when it is made. None by default.", merges=True, applies="live"),
    ] = msgspec.field(default_factory=dict)
    keep_reports: Annotated[
        int,
        setting("So many files stay in the folder reports; older ones go.", applies="live", ge=1, le=10_000),
    ] = 200
