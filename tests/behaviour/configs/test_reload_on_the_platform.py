"""Changed settings on the running platform: at once, by a restart, or not before a person acts."""

import json
import subprocess
import sys
import time

import pytest

PATIENCE_S = 60


@pytest.fixture
def cryptobot(tmp_path):
    """Runs the command in a home of its own, and stops the platform at the end."""

    def run(*words, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(tmp_path / "home"), *words],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stderr)
        return done.stdout

    yield run
    run("down", check=False)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_each_key_counts_when_it_says(cryptobot, tmp_path):
    """Nobody restarts for a log level, trade alone for its limit; the database stays until a start."""

    def pids():
        services = json.loads(cryptobot("status", "--json"))["services"]
        return {one["name"]: one["pid"] for one in services if one["pid"]}

    def steps():
        return {(one["service"], one["action"]) for one in json.loads(cryptobot("reload", "--json"))}

    def in_force():
        return json.loads((tmp_path / "home" / "run" / "settings.json").read_text())

    cryptobot("up", "-d", "--set", "dashboard.port=0")
    before = pids()
    assert len(before) >= 7

    cryptobot("config", "set", "log.level=warning", "supervisor.stop_timeout_s=20s")
    assert steps() == set()
    assert pids() == before
    assert in_force()["log"]["level"] == "warning"
    assert in_force()["supervisor"]["stop_timeout_s"] == 20.0

    told = cryptobot("bus", "tail", "service.database.*", "-n", "3", "--json").splitlines()
    assert {json.loads(line)["payload"]["state"] for line in told} == {"ok"}

    cryptobot("config", "set", "trade.max_open_orders", "7")
    assert steps() == {("trade", "restart")}
    deadline = time.monotonic() + PATIENCE_S
    while pids().get("trade", 0) in (0, before["trade"]):
        assert time.monotonic() < deadline
    assert {name: pid for name, pid in pids().items() if name != "trade"} == {
        name: pid for name, pid in before.items() if name != "trade"
    }

    cryptobot("config", "set", "database.encrypted", "true")
    assert steps() == {("platform", "needs you")}
    assert in_force()["database"]["encrypted"] is False
    for service in ("auth", "trade"):
        cryptobot("restart", service)
    assert (tmp_path / "home" / "state" / "databases" / "auth.sqlite").read_bytes()[:6] == b"SQLite"
    assert all(row["ok"] for row in json.loads(cryptobot("db", "check", "--json")))
    cryptobot("down")
    cryptobot("up", "-d", "--set", "dashboard.port=0")
    for owner in ("auth", "trade", "paper"):
        file = tmp_path / "home" / "state" / "databases" / f"{owner}.sqlite"
        assert file.read_bytes()[:6] != b"SQLite", owner
