"""The logs of all services as they are written, every level, while somebody looks at them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

LOOK_EVERY_S = 0.4
# More than this of one file between two looks is a flood: its end is shown.
MOST_BYTES = 64 * 1024
_OWN = frozenset({"service", "event", "level", "ts"})


class LogTail:
    """Follows the files of a folder between `start` and `stop`; each new line is told once.

    Args:
        tell: channel, key, kind, data of each line.
    """

    def __init__(self, folder: Path, tell: Callable[[str, str, str, Any], None]) -> None:
        self._folder, self._tell = folder, tell
        self._task: asyncio.Task[None] | None = None
        self._read: dict[Path, int] = {}
        self._count = 0

    def start(self) -> None:
        """Begin with what comes from now on, if that did not happen yet."""
        if self._task is None:
            self._read = {path: _size(path) for path in self._files()}
            self._task = asyncio.get_running_loop().create_task(self._follow(), name="dashboard:logs")

    def stop(self) -> None:
        """Nobody looks any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _follow(self) -> None:
        while True:
            for path in self._files():
                for line in self._news(path):
                    self._count += 1
                    self._tell("output", f"line|{self._count}", "line", {"n": self._count, **line})
            await asyncio.sleep(LOOK_EVERY_S)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))

    def _news(self, path: Path) -> list[dict[str, Any]]:
        """The lines that were written since the last look; a shorter file is a new one."""
        size, seen = _size(path), self._read.get(path, 0)
        begin = 0 if size < seen else seen
        if size == begin:
            return []
        begin = max(begin, size - MOST_BYTES)
        try:
            with path.open("rb") as file:
                file.seek(begin)
                data = file.read(size - begin)
        except OSError:
            return []
        whole, newline, _ = data.rpartition(b"\n")
        self._read[path] = begin + len(whole) + len(newline)
        return [line for raw in whole.splitlines() if (line := _parsed(path, raw)) is not None]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _parsed(path: Path, raw: bytes) -> dict[str, Any] | None:
    """A line as pages show it; what is no JSON is taken as it is."""
    if not raw.strip():
        return None
    try:
        said = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = raw.decode("utf-8", "replace")
        return {"service": path.stem, "level": "info", "ts": "", "event": text, "fields": {}}
    fields = {name: str(value) for name, value in said.items() if name not in _OWN}
    named = {name: str(said.get(name, "")) for name in ("level", "ts", "event")}
    return {"service": str(said.get("service", path.stem)), **named, "fields": fields}
