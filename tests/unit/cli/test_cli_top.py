"""What `cryptobot top` knows and how it is set, without a daemon and without a terminal."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from cryptobot.supervisor.cli.board import Board
from cryptobot.supervisor.cli.logview import Line
from cryptobot.supervisor.cli.warningtail import WarningTail
from rich.console import Console

SUPERVISOR = {"pid": 7, "state": "RUNNING", "uptime_s": 61.0}
ALERT = {
    "kind": "alert",
    "key": "k",
    "severity": "error",
    "source": "data",
    "title": "Late",
    "detail": "by 9 s",
}


def _service(name: str, **changed: object) -> dict[str, Any]:
    found = {"name": name, "state": "RUNNING", "ready": True, "pid": 10, "uptime_s": 5.0, "restarts": 0}
    return {**found, "cpu_percent": 2.0, "rss_bytes": 1_000_000, "health": "ok", "reason": "", **changed}


def _board(count: int = 1) -> Board:
    board = Board()
    services = [_service(f"s{number}") for number in range(count)]
    board.take({"kind": "snapshot", "services": services, "alerts": []})
    board.measure({"supervisor": SUPERVISOR, "services": services})
    return board


def _change(name: str, **changed: object) -> dict[str, Any]:
    event = {"kind": "state", "name": name, "title": name, "state": "BACKOFF", "ready": False, "pid": 0}
    return {**event, "restarts": 1, "reason": "was killed", "health": "failed", **changed}


def _on_terminal(board: Board, width: int, height: int) -> list[str]:
    out = StringIO()
    Console(file=out, width=width, height=height).print(board.rich(width, height))
    return out.getvalue().splitlines()


def _log(folder: Path, name: str, *lines: tuple[str, str, str]) -> None:
    with (folder / f"{name}.log").open("a", encoding="utf-8") as file:
        for ts, level, event in lines:
            file.write(json.dumps({"ts": f"2026-11-22T18:00:{ts}Z", "level": level, "event": event}) + "\n")


def test_a_change_is_shown_before_the_next_status() -> None:
    """A dead process has neither CPU nor memory; its reason stands beside its health."""
    board = _board()
    board.take(_change("s0"))

    row = board.plain().splitlines()[2].split()
    assert row == ["s0", "BACKOFF", "-", "-", "1", "-", "-", "failed:", "was", "killed"]


def test_a_service_that_nobody_measured_yet_is_shown() -> None:
    """An add-on may come between two readings."""
    board = _board()
    board.take(_change("new", state="STARTING", pid=99))

    assert "new" in board.plain()
    assert [service["name"] for service in board.as_json()["services"]] == ["s0", "new"]


def test_an_alert_goes_when_it_recovers() -> None:
    """The same key is the same fault."""
    board = _board()
    board.take({**ALERT, "recovered": False})
    assert "ALERT error    data: Late (by 9 s)" in board.plain()

    board.take({**ALERT, "recovered": True})
    assert "ALERT" not in board.plain()


def test_a_small_terminal_is_not_overrun() -> None:
    """Services that do not fit are counted, and every service takes one line."""
    board = _board(30)
    board.take({**ALERT, "recovered": False})
    board.warnings = [("data", Line("", {"level": "warning", "event": "x" * 200}))] * 10

    lines = _on_terminal(board, 60, 24)

    assert len(lines) <= 24
    assert "and 17 services more" in lines
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("error    data: Late") for line in lines)


def test_the_newest_warnings_of_all_logs_are_kept(tmp_path: Path) -> None:
    """Merged by time, what is only information left out, read on where it stopped, across rotation."""
    tail = WarningTail(tmp_path, 3)
    _log(tmp_path, "a", ("01", "warning", "one"), ("04", "error", "four"))
    _log(tmp_path, "b", ("02", "info", "two"), ("03", "warning", "three"))
    assert [line.fields["event"] for _, line in tail.read()] == ["one", "three", "four"]

    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    _log(tmp_path, "a", ("05", "critical", "five"))
    with (tmp_path / "b.log").open("a", encoding="utf-8") as file:
        file.write('{"level": "warning", "event": "half')
    assert [(name, line.fields["event"]) for name, line in tail.read()] == [
        ("b", "three"),
        ("a", "four"),
        ("a", "five"),
    ]
