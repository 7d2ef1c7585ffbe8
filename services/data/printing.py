"""What the commands of the history print."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .history import Fetched
from .quality import Report
from .take_in import Imported

_SHOWN = 5


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_fetched(told: Fetched, as_json: bool) -> None:
    """What a fetch or a repair did."""
    if as_json:
        print_json(told)
        return
    parts = [f"{told.series}: {told.added} candles added, {told.candles} in all"]
    if told.candles:
        parts.append(f"{day(told.first_ms)} to {day(told.last_ms)}")
    if told.gaps_filled:
        parts.append(f"{told.gaps_filled} gaps filled")
    if told.gaps_marked:
        parts.append(f"{told.gaps_marked} gaps that the venue cannot fill are marked")
    sys.stdout.write(", ".join(parts) + "\n")


def print_imported(done: list[Imported]) -> None:
    """What became of the files that were taken."""
    rows = [
        (Path(one.file).name, one.kind, one.series, one.rows, one.added, one.missing, one.differ)
        for one in done
    ]
    print_table(
        ("FILE", "KIND", "SERIES", "ROWS", "ADDED", "MISSING", "DIFFER"), rows, empty="Nothing was imported."
    )


def told_report(name: str, found: Report) -> str:
    """A quality report as lines."""
    lines = [
        f"{name}: {found.candles} candles, {day(found.first_ms)} to {day(found.last_ms)}",
        f"  gaps {found.gaps} ({found.missing} candles, {found.unexplained_gaps} not asked for yet)",
        f"  without volume {found.zero_volume} (longest run {found.longest_quiet}), flat {found.flat}",
        f"  outliers {found.outliers}, duplicates {found.duplicates}, unsorted {found.unsorted}, "
        f"broken {found.broken}",
    ]
    lines += [
        f"    {day(one.first_ms)}: {one.candles} missing {one.reason}".rstrip()
        for one in found.holes[:_SHOWN]
    ]
    lines += [
        f"    {day(one.open_ms)}: a jump of {one.change * 100:.1f} %" for one in found.examples[:_SHOWN]
    ]
    return "\n".join(lines) + "\n"


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Columns aligned with spaces; or the sentence `empty` on stderr."""
    if not rows:
        sys.stderr.write(empty + "\n")
        return
    texts = [tuple(titles), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[place]) for line in texts) for place in range(len(titles))]
    for line in texts:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def day(time_ms: int) -> str:
    """A time for people; "-" for none."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M") if time_ms else "-"
