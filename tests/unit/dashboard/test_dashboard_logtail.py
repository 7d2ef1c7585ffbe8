"""The logs of all services as they are written, while somebody looks."""

import asyncio
import json
from pathlib import Path
from typing import Any

from cryptobot.dashboard.logtail import MOST_BYTES, LogTail

PATIENCE_S = 20.0


class Told:
    """What the tail told, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def __call__(self, channel: str, key: str, kind: str, data: Any) -> None:
        assert (channel, kind) == ("output", "line")
        self.lines.append(data)
        self._more.set()

    async def until(self, count: int) -> None:
        """Wait until so many lines were told."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.lines) < count:
                self._more.clear()
                await self._more.wait()


def write(path: Path, *lines: object, mode: str = "a") -> None:
    """Write lines as a service does."""
    with path.open(mode, encoding="utf-8") as file:
        file.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


async def test_only_what_is_written_from_now_on_is_told(tmp_path: Path) -> None:
    """Every level, of old files and new ones, with its fields; what is no JSON is told as it is."""
    write(tmp_path / "trade.log", {"event": "before", "level": "info"})
    told = Told()
    tail = LogTail(tmp_path, told)
    tail.start()
    tail.start()

    write(
        tmp_path / "trade.log",
        {"service": "trade", "event": "filled", "level": "info", "ts": "T", "order": 7},
    )
    await told.until(1)
    write(tmp_path / "new.log", "a plain line")
    await told.until(2)
    tail.stop()

    first, second = told.lines
    assert (first["event"], first["service"], first["fields"]) == ("filled", "trade", {"order": "7"})
    assert (second["event"], second["service"], second["level"]) == ("a plain line", "new", "info")


async def test_a_file_that_begins_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Rotation loses no line that is written afterwards."""
    path = tmp_path / "bus.log"
    write(path, *[{"event": f"old {number}"} for number in range(20)])
    told = Told()
    tail = LogTail(tmp_path, told)
    tail.start()

    write(path, {"event": "fresh"}, mode="w")
    await told.until(1)
    tail.stop()

    assert [line["event"] for line in told.lines] == ["fresh"]


async def test_of_a_flood_the_end_is_told(tmp_path: Path) -> None:
    """A service that writes megabytes costs the dashboard no more than a look at the end of it."""
    told = Told()
    tail = LogTail(tmp_path, told)
    tail.start()

    write(tmp_path / "data.log", *[{"event": "x" * 1000, "n": number} for number in range(1000)])
    write(tmp_path / "data.log", {"event": "last"})
    await told.until(1)
    async with asyncio.timeout(PATIENCE_S):
        while told.lines[-1]["event"] != "last":
            await told.until(len(told.lines) + 1)
    tail.stop()

    assert sum(len(line["event"]) for line in told.lines) <= 2 * MOST_BYTES
