"""Reading the services' logs: JSON lines, the rotated files included, filtered and set for people."""

import contextlib
import json
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    service: str = ""
    at: float = 0.0

    @classmethod
    def parse(cls, text: str, service: str = "", after: float = 0.0) -> "Line":
        """Read one line.

        Args:
            after: the time of the line before, which stands for that of a line without one.
        """
        text = text.rstrip("\n")
        if not text.startswith("{"):
            return cls(text, {}, service, after)
        try:
            fields = json.loads(text)
        except ValueError:
            return cls(text, {}, service, after)
        if not isinstance(fields, dict):
            return cls(text, {}, service, after)
        moment = cls(text, fields).moment
        return cls(text, fields, service, after if moment is None else moment)

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
    """Which lines are wanted. A line without level is wanted at every level, one without time at any."""

    level: str | None = None
    since: float | None = None
    grep: Callable[[str], object] | None = None

    def wants(self, line: Line) -> bool:
        if self.grep is not None and not self.grep(line.text):
            return False
        if self.level and line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        return self.since is None or line.at == 0.0 or line.at >= self.since


def files_of(folder: Path, service: str) -> list[Path]:
    """The log files of a service, oldest first: `NAME.log.2.gz`, `NAME.log.1`, `NAME.log`."""
    current = folder / f"{service}.log"
    rotated = [path for path in folder.glob(f"{service}.log.*") if _number(path) > 0]
    rotated.sort(key=lambda path: (-_number(path), path.suffix != ".gz"))
    return [*rotated, *([current] if current.exists() else [])]


def _number(path: Path) -> int:
    """2 of `NAME.log.2` and `NAME.log.2.gz`; 0 of anything else."""
    last = path.name.removesuffix(".gz").rpartition(".")[2]
    return int(last) if last.isdigit() else 0


def names_in(folder: Path) -> list[str]:
    """Services that have a log."""
    return sorted(path.stem for path in folder.glob("*.log")) if folder.is_dir() else []


def last_lines(folder: Path, services: Sequence[str], wanted: Filter, count: int) -> list[Line]:
    """The newest `count` lines that are wanted, of all these services by time, oldest first."""
    each = [_newest(folder, service, wanted, count) for service in services]
    return by_time(line for lines in each for line in lines)[-count:] if count else []


def _newest(folder: Path, service: str, wanted: Filter, count: int) -> list[Line]:
    """From the newest file backwards, as far as is needed; each line with the time of its neighbourhood."""
    kept: deque[Line] = deque()
    for path in reversed(files_of(folder, service)):
        if wanted.since is not None and _last_written(path) < wanted.since:
            break
        found: deque[Line] = deque(maxlen=count)
        with contextlib.suppress(OSError, EOFError, zlib.error), _opened(path) as file:
            found.extend(line for line in _lines(file, service) if wanted.wants(line))
        if found and not found[-1].at:  # plain text alone: the file says when
            found = deque((replace(line, at=_last_written(path)) for line in found), maxlen=count)
        kept.extendleft(reversed(found))
        if len(kept) >= count:
            break
    return list(kept)


def _lines(texts: Iterable[str], service: str) -> Iterator[Line]:
    at = 0.0
    for text in texts:
        line = Line.parse(text, service, at)
        at = line.at
        yield line


def by_time(lines: Iterable[Line]) -> list[Line]:
    """Merged; a line without a time of its own stays behind the one that it followed."""
    return sorted(lines, key=lambda line: line.at)


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        import gzip

        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _last_written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def follow(folder: Path, services: Callable[[], Sequence[str]], wanted: Filter) -> Iterator[Line]:
    """Lines as they are written from now on, across rotation, by time; never ends.

    Args:
        services: asked again and again, for services may come.
    """
    tails: dict[str, _Tail] = {name: _Tail(folder / f"{name}.log", name, at_end=True) for name in services()}
    while True:
        lines = by_time(line for tail in tails.values() for line in tail.read())
        yield from (line for line in lines if wanted.wants(line))
        if not lines:
            time.sleep(_LOOK_EVERY_S)
            for name in services():
                if name not in tails:
                    tails[name] = _Tail(folder / f"{name}.log", name, at_end=False)


class _Tail:
    """One log that is followed."""

    def __init__(self, path: Path, service: str, *, at_end: bool) -> None:
        self._path, self._service = path, service
        self._file = _open_at_end(path) if at_end else _reopen(None, path)
        self._rest = ""
        self._at = time.time()

    def read(self) -> list[Line]:
        """Whole lines that are new."""
        data = self._file.read() if self._file is not None else ""
        if not data:
            if self._file is None or _was_replaced(self._file, self._path):
                self._file = _reopen(self._file, self._path)
            return []
        *texts, self._rest = (self._rest + data).split("\n")
        lines = []
        for text in texts:
            line = Line.parse(text, self._service, self._at)
            self._at = line.at
            lines.append(line)
        return lines


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


def for_people(line: Line, style: Callable[[str, str], str], width: int = 0) -> str:
    """`16:20:01.123 warning  what happened  key=value`, and an exception below it.

    Args:
        style: gives a text the colour of a level; returns it unchanged in a pipe.
        width: of a column with the service's name in front; 0 leaves that out.
    """
    name = f"{line.service:<{width}} " if width else ""
    if not line.fields:
        return name + line.text
    moment = line.moment
    clock = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if moment else "-"
    pairs = " ".join(f"{key}={value}" for key, value in line.fields.items() if key not in _NOT_SHOWN)
    level = style(f"{line.level:<8}", line.level)
    text = f"{name}{clock} {level} {line.fields.get('event', '')}  {pairs}".rstrip()
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
