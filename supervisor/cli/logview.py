"""Reading the services' logs: JSON lines, the rotated files included, filtered and set for people."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

LEVELS = ("debug", "info", "warning", "error", "critical")
_LOOK_EVERY_S = 0.2
_NOT_SHOWN = frozenset({"ts", "level", "event", "service", "logger", "exception"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `fields` is empty when a program wrote plain text; then `text` is all there is."""

    text: str
    fields: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> "Line":
        text = text.rstrip("\n")
        if not text.startswith("{"):
            return cls(text, {})
        try:
            fields = json.loads(text)
        except ValueError:
            return cls(text, {})
        return cls(text, fields if isinstance(fields, dict) else {})

    @property
    def level(self) -> str:
        return str(self.fields.get("level", "")).lower()

    @property
    def moment(self) -> float | None:
        """Seconds since 1970; None when the line does not say."""
        try:
            return datetime.fromisoformat(str(self.fields["ts"])).timestamp()
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted. A line without level or time is judged by `grep` alone."""

    level: str | None = None
    since: float | None = None
    grep: Callable[[str], object] | None = None

    def wants(self, line: Line) -> bool:
        if self.grep is not None and not self.grep(line.text):
            return False
        if self.level and line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        moment = line.moment if self.since is not None else None
        return moment is None or self.since is None or moment >= self.since


def files_of(folder: Path, service: str) -> list[Path]:
    """The log files of a service, oldest first: `NAME.log.2`, `NAME.log.1`, `NAME.log`."""
    current = folder / f"{service}.log"
    rotated = [path for path in folder.glob(f"{service}.log.*") if path.suffix[1:].isdigit()]
    rotated.sort(key=lambda path: -int(path.suffix[1:]))
    return [*rotated, *([current] if current.exists() else [])]


def names_in(folder: Path) -> list[str]:
    """Services that have a log."""
    return sorted(path.stem for path in folder.glob("*.log")) if folder.is_dir() else []


def last_lines(folder: Path, service: str, wanted: Filter, count: int) -> list[Line]:
    """The newest `count` lines that are wanted, oldest first."""
    kept: deque[Line] = deque(maxlen=count)
    for path in files_of(folder, service):
        with path.open(encoding="utf-8", errors="replace") as file:
            kept.extend(line for line in map(Line.parse, file) if wanted.wants(line))
    return list(kept)


def follow(folder: Path, service: str, wanted: Filter) -> Iterator[Line]:
    """Lines as they are written from now on, across rotation; never ends."""
    path = folder / f"{service}.log"
    file = _open_at_end(path)
    rest = ""
    while True:
        data = file.read() if file is not None else ""
        if data:
            *lines, rest = (rest + data).split("\n")
            yield from (line for line in map(Line.parse, lines) if wanted.wants(line))
            continue
        if file is None or _was_replaced(file, path):
            file = _reopen(file, path)
        time.sleep(_LOOK_EVERY_S)


def _open_at_end(path: Path) -> TextIO | None:
    if not path.exists():
        return None
    file = path.open(encoding="utf-8", errors="replace")
    file.seek(0, os.SEEK_END)
    return file


def _reopen(file: TextIO | None, path: Path) -> TextIO | None:
    if not path.exists():
        return file
    if file is not None:
        file.close()
    return path.open(encoding="utf-8", errors="replace")


def _was_replaced(file: TextIO, path: Path) -> bool:
    try:
        now, ours = path.stat(), os.fstat(file.fileno())
    except OSError:
        return True
    return (now.st_ino, now.st_dev) != (ours.st_ino, ours.st_dev) or now.st_size < ours.st_size


def for_people(line: Line, style: Callable[[str, str], str]) -> str:
    """`16:20:01.123 warning  what happened  key=value`, and an exception below it.

    Args:
        style: gives a text the colour of a level; returns it unchanged in a pipe.
    """
    if not line.fields:
        return line.text
    moment = line.moment
    clock = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if moment else "-"
    pairs = " ".join(f"{key}={value}" for key, value in line.fields.items() if key not in _NOT_SHOWN)
    level = style(f"{line.level:<8}", line.level)
    text = f"{clock} {level} {line.fields.get('event', '')}  {pairs}".rstrip()
    return "\n".join([text, *_exception(line.fields.get("exception"))])


def _exception(value: object) -> list[str]:
    if isinstance(value, str):
        return ["    " + row for row in value.splitlines()]
    if not isinstance(value, list):
        return []
    rows: list[str] = []
    for part in value:
        rows.extend(
            f"    {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
            for frame in part.get("frames", [])
        )
        rows.append(f"    {part.get('exc_type')}: {part.get('exc_value')}")
    return rows
