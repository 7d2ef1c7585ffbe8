"""Commands against a running daemon. It runs the bus alone, which is ready in a moment."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")

OTHERS = ("auth", "paper", "data", "trade", "strategy", "dashboard", "monitor")
BUS_ALONE = [word for name in OTHERS for word in ("--set", f"services.{name}.enabled=false")]
ENVELOPE = {"topic", "source", "seq", "ts_ns", "correlation_id", "payload"}
ALERT = {"key": "test", "severity": "info", "source": "test", "title": "A test", "detail": "of the bus"}


@pytest.fixture
def running(cryptobot: Callable[..., Any]) -> Iterator[int]:
    """The pid of a daemon with the bus."""
    ran = cryptobot("up", "-d", "--json", *BUS_ALONE)
    assert ran.code == 0, ran.err
    yield json.loads(ran.out)["pid"]
    cryptobot("down")


@pytest.fixture
def follow(environment: dict[str, str]) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start commands that go on until they are stopped."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "cryptobot", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        guard = threading.Timer(60, process.kill)
        guard.daemon = True
        guard.start()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def service(cryptobot: Callable[..., Any], name: str) -> dict[str, Any]:
    found = json.loads(cryptobot("status", "--json").out)["services"]
    return next(one for one in found if one["name"] == name)


def test_status_tells_of_supervisor_and_services(running: int, cryptobot: Callable[..., Any]) -> None:
    """The shape that programs rely on; a person sees a table."""
    found = json.loads(cryptobot("status", "--json").out)
    table = cryptobot("status").out

    assert found["supervisor"]["pid"] == running
    assert found["supervisor"]["state"] == "RUNNING"
    assert service(cryptobot, "bus")["ready"] is True
    assert service(cryptobot, "data")["state"] == "STOPPED"
    assert table.startswith("SERVICE")


def test_a_second_daemon_is_refused(running: int, cryptobot: Callable[..., Any]) -> None:
    """Exit code 2, naming the first's pid, in the background and in the foreground."""
    for words in (["up", "-d"], ["up"], ["demo"], ["demo", "-d"]):
        ran = cryptobot(*words)

        assert ran.code == 2
        assert f"pid {running}" in ran.err


def test_down_leaves_nothing(cryptobot: Callable[..., Any]) -> None:
    """Supervisor, services and the keeper of the logs are gone when it returns; twice is exit code 3."""
    pid = json.loads(cryptobot("up", "-d", "--json", *BUS_ALONE).out)["pid"]
    family = psutil.Process(pid).children(recursive=True)

    assert cryptobot("down").code == 0

    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert cryptobot("down").code == 3


def test_one_service_is_stopped_started_and_restarted(running: int, cryptobot: Callable[..., Any]) -> None:
    """Each returns when it is so."""
    first = service(cryptobot, "bus")["pid"]
    assert json.loads(cryptobot("stop", "bus", "--json").out)["state"] == "STOPPED"
    assert service(cryptobot, "bus")["pid"] == 0
    started = json.loads(cryptobot("start", "bus", "--json").out)
    restarted = json.loads(cryptobot("restart", "bus", "--json").out)

    assert started["ready"] and restarted["ready"]
    assert len({first, started["pid"], restarted["pid"]}) == 3


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
def test_an_unknown_service_is_wrong_use(action: str, running: int, cryptobot: Callable[..., Any]) -> None:
    """With the nearest name."""
    ran = cryptobot(action, "bsu")

    assert ran.code == 2
    assert "did you mean 'bus'?" in ran.err


def test_asking_a_service_that_is_away_fails_with_a_sentence(
    running: int, cryptobot: Callable[..., Any]
) -> None:
    """Exit code 1, and where to look."""
    ran = cryptobot("orders")

    assert (ran.code, ran.out) == (1, "")
    assert "trade" in ran.err
    assert "cryptobot status" in ran.err


def test_the_tail_shows_envelopes(running: int, cryptobot: Callable[..., Any]) -> None:
    """One JSON object a line, and it ends after as many as were wanted."""
    ran = cryptobot("bus", "tail", "service.heartbeat.*", "--json", "-n", "2")

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, len(lines)) == (0, 2)
    assert all(set(line) == ENVELOPE for line in lines)
    assert lines[0]["topic"] == "service.heartbeat.bus"
    assert lines[0]["payload"]["progress"] < lines[1]["payload"]["progress"]


def test_what_is_sent_is_seen_and_kept(
    running: int, cryptobot: Callable[..., Any], follow: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """A message from the command line reaches a tail with a condition, and the journal."""
    tail = follow("bus", "tail", "alert.*", "--json", "-n", "1", "--since", "1m", "--where", "key == test")
    sent = cryptobot("bus", "send", "alert.info", "Alert", json.dumps(ALERT), "--json")
    seen = json.loads(tail.communicate(timeout=60)[0])
    kept = [
        json.loads(line) for line in cryptobot("bus", "replay", "5m..", "alert.*", "--json").out.splitlines()
    ]

    assert sent.code == 0, sent.err
    assert seen["payload"]["title"] == "A test"
    assert json.loads(sent.out)["seq"] == seen["seq"]
    assert seen in kept


def test_the_top_counts_by_topic(running: int, cryptobot: Callable[..., Any]) -> None:
    """From the broker's own counters."""
    ran = cryptobot("bus", "top", "--once", "--json", "--interval", "1.5")

    topics = {one["topic"]: one for one in json.loads(ran.out)["topics"]}
    assert topics["service.heartbeat.bus"]["messages"] >= 1


def test_a_log_is_followed(
    running: int, cryptobot: Callable[..., Any], follow: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Lines appear as they are written; Ctrl-C ends it quietly."""
    log = follow("logs", "-f", "-n", "1", "supervisor", "--json")
    assert log.stdout is not None
    log.stdout.readline()
    cryptobot("restart", "bus")
    states: list[str] = []
    while not states or states[-1] != "RUNNING":
        fields = json.loads(log.stdout.readline())
        if fields.get("name") == "bus":
            states.append(fields["state"])
    log.send_signal(signal.SIGINT)
    _, errors = log.communicate(timeout=10)

    assert "STOPPING" in states
    assert "Traceback" not in errors


def test_a_daemon_in_the_foreground_ends_on_sigterm(
    environment: dict[str, str], home: Path, follow: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Exit code 0, everything stopped, every step told on stderr."""
    up = follow("up", *BUS_ALONE)
    assert up.stderr is not None
    told = [up.stderr.readline()]
    while "bus" not in told[-1] or "ready" not in told[-1]:
        told.append(up.stderr.readline())
        assert told[-1], told
    up.send_signal(signal.SIGTERM)
    out, errors = up.communicate(timeout=30)

    assert (up.returncode, out) == (0, "")
    assert "has stopped" in errors


def test_a_killed_daemon_is_followed_by_one_that_adopts(running: int, cryptobot: Callable[..., Any]) -> None:
    """`up` takes the running services over: same pids, no restart."""
    before = service(cryptobot, "bus")["pid"]
    os.kill(running, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(running)] if psutil.pid_exists(running) else [], timeout=10)
    for command in ("status", "down"):
        alone = cryptobot(command)
        assert (alone.code, "its services go on (bus)" in alone.err) == (3, True)

    with socket.create_server(("127.0.0.1", 0)) as held:  # as the dashboard that lives on holds its port
        port = f"dashboard.port={held.getsockname()[1]}"
        assert cryptobot("up", "-d", *BUS_ALONE, "--set", port).code == 0

    after = service(cryptobot, "bus")
    assert (after["pid"], after["restarts"]) == (before, 0)


def test_our_own_services_run_once(running: int, cryptobot: Callable[..., Any]) -> None:
    """A second bus or a second trader would be started in vain, for ever."""
    refused = cryptobot("scale", "bus", "2")

    assert (refused.code, "bus runs once in a home" in refused.err) == (2, True)
    assert cryptobot("scale", "bus", "1").code == 0


def test_a_changed_setting_is_put_in_force(running: int, cryptobot: Callable[..., Any]) -> None:
    """The plan names what would be restarted; the reload does it, and keeps what --set said."""
    before = service(cryptobot, "bus")["pid"]
    cryptobot("config", "set", "bus.high_water_mark", "5000")
    plan = json.loads(cryptobot("reload", "--plan", "--json").out)

    assert [(step["service"], step["action"]) for step in plan] == [("bus", "restart")]
    assert service(cryptobot, "bus")["pid"] == before
    cryptobot("reload")
    assert cryptobot("restart", "bus").code == 0
    assert service(cryptobot, "data")["state"] == "STOPPED"
    assert service(cryptobot, "bus")["pid"] != before
