"""What commands print: JSON for programs, tables for people, plain text in a pipe."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `style` turns a cell's text into a rich style, on terminals only."""

    title: str
    right: bool = False
    style: Callable[[str], str] | None = None


def print_json(value: object) -> None:
    """One JSON document and a newline on stdout. Decimals become text."""
    import msgspec

    data = msgspec.json.encode(value, enc_hook=str)
    if sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    sys.stdout.write(data.decode() + "\n")


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A table; or the sentence `empty` (on stderr) when there is no row."""
    if not rows:
        note(empty)
        return
    texts = [[cell_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, texts)
    else:
        sys.stdout.write(plain_table(columns, texts))


def plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned with spaces, one header line."""
    lines = [[column.title.upper() for column in columns], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    text = []
    for line in lines:
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text) + "\n"


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console

    Console().print(rich_table(columns, rows))


def rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], title: str | None = None) -> Any:
    """A rich Table of already formatted cells."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        cells = [
            Text(cell, style=column.style(cell) if column.style else "")
            for cell, column in zip(row, columns, strict=True)
        ]
        table.add_row(*cells)
    return table


def note(sentence: str) -> None:
    """Something for the person, never for the program: stderr. Lost when the terminal was closed."""
    with contextlib.suppress(OSError):
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


def cell_text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, Decimal):
        return plain_decimal(cell)
    return str(cell)


def plain_decimal(value: Decimal) -> str:
    """Without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: Decimal | None) -> Decimal | None:
    """A computed value for people, to eight digits; exact ones go into --json."""
    return None if value is None else round(value, 8)


def duration(seconds: float) -> str:
    """`42s`, `3m 05s`, `2h 07m`, `4d 03h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def size(count: float) -> str:
    """`512 B`, `14.2 MB` (decimal units)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
