"""`history`, `alerts` and `doctor` as people use them, on a platform of bus and monitor."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.supervisor.catalogue.registry import built_in

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs `cryptobot`; the platform is up, and stopped afterwards."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
    environment = {**kept, "CRYPTOBOT_HOME": str(tmp_path / "h"), "COLUMNS": "200"}
    others = [one.name for one in built_in(Settings()) if one.name not in {"bus", "monitor"}]
    off = [word for name in others for word in ("--set", f"services.{name}.enabled=false")]

    def cryptobot(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cryptobot", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=90, env=environment, check=False
        )

    started = cryptobot("up", "-d", *off)
    try:
        assert started.returncode == 0, started.stderr
        yield cryptobot
    finally:
        cryptobot("down")


def _until(run: Run, words: tuple[str, ...], condition: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 60
    while True:
        ran = run(*words)
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)
        if condition(found):
            return found
        assert time.monotonic() < deadline, found


def test_history_and_alerts_are_shown_and_acknowledged(run: Run, tmp_path: Path) -> None:
    """Of services and of the supervisor; an alert is listed, acknowledged, and shown as known."""
    found = _until(run, ("history", "supervisor", "--json"), lambda found: found["series"] is not None)
    assert (found["step_s"], found["stored"]) == (1, True)
    assert len(found["series"]["start_ms"]) == len(found["series"]["rss_bytes"])
    assert "memory" in run("history", "bus").stdout
    wrong = run("history", "buss")
    assert (wrong.returncode, "bus" in wrong.stderr) == (2, True)

    bus = BlockingBus.open(Home(tmp_path / "h"), "test")
    try:
        alert = Alert(key="x", severity="error", source="test", title="Disk", detail="nearly full")
        bus.publish(topics.alert("error"), alert)
        bus.settled()
        (one,) = _until(run, ("alerts", "--severity", "error", "--json"), lambda found: len(found) == 1)
    finally:
        bus.close()
    assert (one["key"], one["count"]) == ("x", 1)
    assert run("alerts", "--ack", str(one["id"]), "--note", "on it").stderr == "1 acknowledged.\n"
    shown = run("alerts").stdout
    assert "known to cli" in shown
    assert "Disk: nearly full" in shown
    assert run("alerts", "--ack", "5").returncode == 1
    examined = json.loads(run("doctor", "--json").stdout)
    assert {one["check"]: one["verdict"] for one in examined["checks"]}["platform"] == "ok"
