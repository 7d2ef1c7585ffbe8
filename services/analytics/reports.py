"""Files of reports: making them, naming them, and when planned ones are due."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from ...bus.contracts.analytics import Performance, ReportFile
from ...configs import daytimes, files
from ...configs.errors import RequestFailedError
from ...configs.sections.analytics import ScheduledReport
from ..accounting.subpositions import ClosedTrade
from .page import page
from .tables import as_csv, table, write_parquet

FORMATS = ("html", "json", "csv", "parquet")
_PREFIX = "performance-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a report shall look."""

    format: str = "html"
    table: str = "days"
    title: str = "Performance"

    def check(self) -> None:
        """Raises RequestFailedError when there is no such format."""
        if self.format not in FORMATS:
            raise RequestFailedError(
                "unknown_format", f"There is no format {self.format!r}; take {', '.join(FORMATS)}."
            )


def write(folder: Path, wanted: Wanted, found: Performance, trades: list[ClosedTrade]) -> ReportFile:
    """Write one file, whole or not at all.

    Raises:
        RequestFailedError: there is no such format or table.
        OSError: it cannot be written.
    """
    from ... import __version__

    wanted.check()
    folder.mkdir(parents=True, exist_ok=True)
    made_ms = time.time_ns() // 1_000_000
    part = f"-{wanted.table}" if wanted.format in ("csv", "parquet") else ""
    path = folder / f"{_PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S-%f}{part}.{wanted.format}"
    if wanted.format == "html":
        files.replace(path, page(found, wanted.title, __version__).encode())
    elif wanted.format == "json":
        files.replace(path, msgspec.json.encode(found))
    else:
        columns, rows = table(found, trades, wanted.table)
        if wanted.format == "csv":
            files.replace(path, as_csv(columns, rows))
        else:
            write_parquet(path, columns, rows)
    return ReportFile(name=path.name, bytes=path.stat().st_size, made_ms=made_ms)


def listed(folder: Path) -> list[ReportFile]:
    """What is there, newest first."""
    if not folder.is_dir():
        return []
    found = []
    for path in folder.glob(f"{_PREFIX}*"):
        info = path.stat()
        found.append(ReportFile(name=path.name, bytes=info.st_size, made_ms=int(info.st_mtime * 1000)))
    return sorted(found, key=lambda one: (-one.made_ms, one.name))


def forget(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` files."""
    for one in listed(folder)[keep:]:
        (folder / one.name).unlink(missing_ok=True)


def period_end_ms(plan: ScheduledReport, zone_name: str, now_ms: int) -> int:
    """When the newest period of a plan ended: the last time it was due, at or before now."""
    zone = daytimes.zone_of(zone_name)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for back in range(33):
        day = (now.astimezone(zone) - timedelta(days=back)).date()
        if (plan.every == "week" and day.weekday() != 0) or (plan.every == "month" and day.day != 1):
            continue
        due = daytimes.on(day, plan.at, zone)
        if due <= now:
            return int(due.timestamp() * 1000)
    raise AssertionError("a month holds every weekday and a first day")


def next_due_ms(plan: ScheduledReport, zone_name: str, now_ms: int) -> int:
    """When a plan is due next."""
    zone = daytimes.zone_of(zone_name)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for ahead in range(33):
        day = (now.astimezone(zone) + timedelta(days=ahead)).date()
        if (plan.every == "week" and day.weekday() != 0) or (plan.every == "month" and day.day != 1):
            continue
        due = daytimes.on(day, plan.at, zone)
        if due > now:
            return int(due.timestamp() * 1000)
    raise AssertionError("a month holds every weekday and a first day")


def period_begin_ms(plan: ScheduledReport, zone_name: str, end_ms: int) -> int:
    """When the period began that ended at `end_ms`."""
    return period_end_ms(plan, zone_name, end_ms - 1)
