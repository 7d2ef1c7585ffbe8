"""S1-S3, S9, S45: stopping ends the whole tree, in order, and does not hold others up."""

import signal
import time
from pathlib import Path

import pytest


def test_a_child_deaf_to_sigterm_is_dead_within_its_grace(daemon, tmp_path: Path) -> None:
    """S1: grace 1 s, the whole tree dead within 0.3 s more."""
    daemon.service("deaf", "ignore-term", "ready", stop_timeout_s=1.0)
    daemon.start().until("deaf", "RUNNING")
    pid = daemon.pid("deaf")
    began = time.monotonic()
    with daemon.client() as client:
        client.stop("deaf")
    assert 1.0 <= time.monotonic() - began < 1.3 + daemon.slack_s()
    assert not daemon.alive(pid)


@pytest.mark.parametrize("kind", ["fork", "fork-deaf", "fork-session", "fork-daemon"])
def test_nothing_of_a_tree_is_left_after_a_stop(daemon, tmp_path: Path, kind: str) -> None:
    """S2, S3: grandchildren that ignore SIGTERM, called setsid or detached are ended too."""
    daemon.service("parent", f"{kind}={tmp_path / 'pids'}", "ready")
    daemon.start().until("parent", "RUNNING")
    grandchild = int((tmp_path / "pids").read_text(encoding="ascii"))
    assert daemon.alive(grandchild)
    with daemon.client() as client:
        client.stop("parent")
    daemon.wait_dead(grandchild, 1.0)
    assert not daemon.processes()


@pytest.mark.parametrize("kind", ["fork-deaf", "fork-session", "fork-daemon"])
def test_a_crash_leaves_no_grandchild_beside_the_replacement(daemon, tmp_path: Path, kind: str) -> None:
    """S3: when the main process is killed, what it forked is ended before the replacement runs."""
    daemon.service("parent", f"{kind}={tmp_path / 'pids'}", "ready")
    first = daemon.start().until("parent", "RUNNING")
    grandchild = int((tmp_path / "pids").read_text(encoding="ascii"))
    import os

    os.kill(first["pid"], signal.SIGKILL)
    daemon.until("parent", lambda one: one["state"] == "RUNNING" and one["pid"] != first["pid"])
    assert not daemon.alive(grandchild)
    assert len([name for name in daemon.processes().values() if name == "parent"]) == 2


def test_a_restart_is_served_while_another_service_stops_slowly(daemon) -> None:
    """S9: B is restarted at once although A takes its time to stop."""
    daemon.service("a", "slow-stop=2", "ready", stop_timeout_s=5.0)
    daemon.service("b", "ready")
    daemon.start().until("a", "RUNNING")
    before = daemon.until("b", "RUNNING")["pid"]
    with daemon.client() as slow, daemon.client() as fast:
        slow.stop("a", wait=False)
        began = time.monotonic()
        after = fast.restart("b")["services"][0]
        assert time.monotonic() - began < 1.0 + daemon.slack_s()
        assert daemon.status("a")["state"] == "STOPPING"
    assert after["state"] == "RUNNING"
    assert after["pid"] != before


def test_dependents_stop_before_what_they_depend_on(daemon, tmp_path: Path) -> None:
    """S45: at shutdown the order is the reverse of the start."""
    order = tmp_path / "order"
    daemon.service("base", f"log-stop={order},base", "ready")
    daemon.service("middle", f"log-stop={order},middle", "ready", requires=["base"])
    daemon.service("top", f"log-stop={order},top", "ready", requires=["middle"], wants=["base"])
    daemon.start().until("top", "RUNNING")
    assert daemon.signal(signal.SIGTERM) == 0
    assert order.read_text(encoding="ascii").split() == ["top", "middle", "base"]


def test_a_tree_that_goes_on_forking_is_ended(daemon) -> None:
    """S21: 120 forked processes that ignore SIGTERM are gone after a stop, and others live."""
    daemon.service("bomb", "bomb=120", "ready", stop_timeout_s=1.0)
    daemon.service("other", "ready")
    other = daemon.start().until("other", "RUNNING")["pid"]
    daemon.until("bomb", "RUNNING")
    assert len(daemon.processes()) > 120
    with daemon.client() as client:
        client.stop("bomb")
    for pid, name in daemon.processes().items():
        if name == "bomb":
            daemon.wait_dead(pid, 2.0)
    assert daemon.processes() == {other: "other"}
