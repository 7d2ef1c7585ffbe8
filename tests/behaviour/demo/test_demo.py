"""`cryptobot demo`, from outside."""

import json
import os
import signal
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals"),
]

NEEDS = {
    "bus": [],
    "auth": ["bus"],
    "paper": ["bus"],
    "data": ["bus", "paper"],
    "trade": ["bus", "paper"],
    "strategy": ["bus", "data", "trade"],
    "dashboard": ["bus", "auth"],
    "monitor": ["bus"],
}
FIELDS = {
    "name",
    "state",
    "ready",
    "pid",
    "uptime_s",
    "restarts",
    "cpu_percent",
    "rss_bytes",
    "health",
    "reason",
}
# The recording begins shortly before the strategy's first trades.
FAST = ["--set", "paper.start=1010"]


Start = Callable[..., Any]


def test_a_timed_demo_trades_and_sums_up(demo: Start, left_over: Any) -> None:
    """It ends by itself with 0: something was filled, the ledger is the exchange's, no process is left."""
    running = demo("--for", "15s", "--json", *FAST)

    code, out = running.end()

    summary = json.loads(out)
    assert code == 0, "\n".join(running.lines)
    assert summary["ok"] and summary["ledger_equal"]
    assert summary["fills"] >= 1
    assert summary["unknown_orders"] == 0
    assert Decimal(summary["equity"]) - Decimal(summary["start_equity"]) == Decimal(summary["pnl"])
    assert summary["dashboard"].startswith("https://127.0.0.1:")
    assert_started_in_order(running.lines)
    assert left_over() == []


def assert_started_in_order(lines: list[str]) -> None:
    """Each service was ready after what it needs."""
    order = [line.split()[0] for line in lines if " ready after " in line and not line.startswith("All")]
    assert sorted(order) == sorted(NEEDS)
    assert all(order.index(need) < order.index(name) for name, needs in NEEDS.items() for need in needs)


@pytest.mark.parametrize(
    "name", ["SIGINT", *(pytest.param(name, marks=pytest.mark.slow) for name in ("SIGTERM", "SIGHUP"))]
)
def test_a_signal_brings_everything_down(name: str, demo: Start, left_over: Any) -> None:
    """Ctrl-C, a service manager, a closed terminal: exit code 0, no process is left."""
    running = demo()
    running.wait_for("Dashboard  https://")

    running.interrupt(getattr(signal, name))
    code, _ = running.end()

    assert code == 0, "\n".join(running.lines)
    assert left_over() == []


@pytest.mark.slow
def test_a_signal_during_the_start_brings_everything_down(demo: Start, left_over: Any) -> None:
    """Also when services are on their way up; the exit code tells that they never all were."""
    running = demo()
    running.wait_for("ready after")

    running.interrupt()
    code, _ = running.end()

    complete = any("services are ready" in line for line in running.lines)
    assert code == (0 if complete else 1), "\n".join(running.lines)
    assert complete or "Stopped before everything was ready." in running.lines[-1]
    assert left_over() == []


def test_a_killed_demo_leaves_nothing(demo: Start, left_over: Any) -> None:
    """kill -9 of the command itself: the daemon notices, and stops everything in order."""
    running = demo()
    running.wait_for("Dashboard  https://")

    running.process.kill()
    running.end()

    assert left_over(wait_s=30) == []


@pytest.mark.slow
def test_a_second_demo_names_the_first(demo: Start) -> None:
    """One home, one daemon: exit code 2, and the pid of the one that runs."""
    first = demo()
    first.wait_for("Dashboard  https://")
    pid = first.ask("status")["supervisor"]["pid"]

    second = demo()
    code, out = second.end()

    assert (code, out, len(second.lines)) == (2, "", 1)
    assert f"pid {pid}" in second.lines[0]
    first.interrupt()
    first.end()


def test_a_detached_demo_returns_when_all_is_ready(detached: Any, left_over: Any) -> None:
    """Every other command works on it; `down` ends it."""
    status = detached.ask("status")

    on = [one for one in status["services"] if one["health"] != "off"]
    assert [one["name"] for one in on if not one["ready"]] == []
    assert {one["name"] for one in on} == set(NEEDS)
    assert set(status["services"][0]) >= FIELDS
    info = detached.ask("paper", "info")
    assert set(info) >= {"rest_url", "ws_url", "ws_api_url", "api_key", "api_secret", "symbols"}
    assert detached.ask("balance")[0].keys() >= {"currency", "free", "used", "total"}
    assert detached.ask("positions") == [] or detached.ask("positions")[0]["symbol"] == "BTC/USDT"
    assert detached.ask("stop", "strategy")["state"] == "STOPPED"
    assert detached.ask("start", "strategy")["ready"]
    assert detached.ask("restart", "data")["ready"]
    assert detached.ask("halt")["state"] == "HALTED"
    assert detached.ask("resume")["state"] == "ACTIVE"
    assert detached.ask("down")["stopped"]
    assert left_over() == []


@pytest.mark.slow
def test_a_demo_ends_when_the_platform_is_stopped_elsewhere(demo: Start, left_over: Any) -> None:
    """`cryptobot down` in another terminal is no crash: nothing is started again."""
    running = demo()
    running.wait_for("Prices: ")

    running.ask("down")
    code, _ = running.end()

    assert code == 0, "\n".join(running.lines)
    assert "stopped by another command" in "\n".join(running.lines)
    assert left_over() == []


@pytest.mark.slow
@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.05, 0.2])
def test_an_interrupt_right_after_the_supervisor_was_killed_leaves_nothing(
    pause_s: float, demo: Start, left_over: Any
) -> None:
    """The services of the dead supervisor are taken over once more, to be stopped."""
    running = demo()
    running.wait_for("Prices: ")
    pid = running.ask("status")["supervisor"]["pid"]

    os.kill(pid, signal.SIGKILL)
    threading.Event().wait(pause_s)
    running.interrupt()
    code, _ = running.end()

    assert code == 0, "\n".join(running.lines)
    assert left_over() == []


@pytest.mark.slow
def test_an_interrupted_detached_demo_leaves_nothing(demo: Start, left_over: Any) -> None:
    """It was not ready, so it is not left running."""
    running = demo("-d")
    running.wait_for("ready after")

    running.interrupt()
    code, _ = running.end()

    assert code == 1
    assert "Traceback" not in "\n".join(running.lines)
    assert left_over() == []
