"""`cryptobot logs` over several services, rotated and compressed files included, with nothing running."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def _line(second: int, event: str, level: str = "info") -> str:
    stamp = f"2026-01-31T12:00:{second:02d}.000000Z"
    return json.dumps({"ts": stamp, "level": level, "event": event}) + "\n"


@pytest.fixture
def logged(home: Path) -> Path:
    """Logs of data (one rotated and compressed) and of trade."""
    logs = home / "logs"
    logs.mkdir(parents=True)
    with gzip.open(logs / "data.log.2.gz", "wt") as file:
        file.write(_line(1, "feed up"))
    (logs / "data.log").write_text(_line(4, "feed stale", "warning"))
    (logs / "trade.log").write_text(
        _line(2, "order sent") + "plain words\n" + _line(5, "order lost", "error")
    )
    return logs


def _events(ran: Any) -> list[str]:
    assert ran.code == 0, ran.err
    return [json.loads(text)["event"] if text.startswith("{") else text for text in ran.out.splitlines()]


def test_all_services_are_merged_by_time(cryptobot: Callable[..., Any], logged: Path) -> None:
    """Without a name it is all of them; plain text stays behind the line that it followed."""
    assert _events(cryptobot("logs", "--json")) == [
        "feed up",
        "order sent",
        "plain words",
        "feed stale",
        "order lost",
    ]
    shown = cryptobot("logs", "-n", "2").out.splitlines()
    assert [text.split()[0] for text in shown] == ["data", "trade"]


def test_level_pattern_and_time_choose_lines(cryptobot: Callable[..., Any], logged: Path) -> None:
    """Together they narrow; names narrow too."""
    assert _events(cryptobot("logs", "--json", "--level", "warning", "--grep", "lost|up")) == ["order lost"]
    assert _events(cryptobot("logs", "--json", "--since", "2026-01-31T12:00:03", "data", "trade")) == [
        "feed stale",
        "order lost",
    ]
    assert _events(cryptobot("logs", "data", "--json", "--grep", "feed")) == ["feed up", "feed stale"]
    wrong = cryptobot("logs", "dta")
    assert wrong.code == 2
    assert "data" in wrong.err
