"""S27: the supervisor on the bus, with a real daemon and a real broker."""

import os
import queue
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import (
    Alert,
    Audit,
    ControlService,
    Discover,
    Discovered,
    GetStatus,
    ServiceState,
    ServiceStats,
    SupervisorStatus,
)
from cryptobot.configs import snapshot
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import ServiceOverride, Settings
from cryptobot.supervisor.catalogue.registry import built_in
from cryptobot.supervisor.control.client import ControlClient

_PATIENCE_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose daemon runs the broker and one sleeper."""
    home = Home(tmp_path / "home")
    home.create()
    off = {one.name: ServiceOverride(enabled=False) for one in built_in(Settings()) if one.name != "bus"}
    snapshot.write(home, Settings(services=off))
    (home.root / "services.d").mkdir()
    sleeper = '{"name": "sleeper", "command": ["/bin/sleep", "1000"], "readiness": {"kind": "none"}}'
    (home.root / "services.d" / "sleeper.json").write_text(sleeper, encoding="utf-8")
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "cryptobot.supervisor.daemon", str(home.root)],
        env={**os.environ, "CRYPTOBOT_READY_FD": str(write_end)},
        pass_fds=(write_end,),
        start_new_session=True,
    )
    os.close(write_end)
    with os.fdopen(read_end, "rb") as reader:
        assert reader.read() == b"ready"
    try:
        with ControlClient(home) as client:
            assert client.wait_ready(timeout_s=_PATIENCE_S)["ready"]
        yield home
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE_S) == 0


def _pid(home: Home, name: str) -> int:
    with ControlClient(home) as client:
        return int(next(one["pid"] for one in client.status()["services"] if one["name"] == name))


def test_status_and_control_are_served_on_the_bus(home: Home) -> None:
    """GetStatus tells what the control socket tells; ControlService restarts; nonsense is refused."""
    with BlockingBus.open(home, "test") as bus:
        status = bus.request("supervisor", GetStatus(), SupervisorStatus, timeout_s=10)
        assert {one.name: one.state for one in status.services}["sleeper"] == "RUNNING"
        before = _pid(home, "sleeper")
        audited: queue.Queue[Audit] = queue.Queue()
        bus.subscribe(topics.audit("system"), Audit, lambda one: audited.put(one.message))
        bus.settled(_PATIENCE_S)
        bus.request("supervisor", ControlService(action="restart", service="sleeper", actor="test"), Done)
        with ControlClient(home) as client:
            client.wait_ready()
        assert _pid(home, "sleeper") not in {0, before}
        act = audited.get(timeout=_PATIENCE_S)
        assert (act.actor, act.action, act.subject, act.ok) == ("test", "restart", "sleeper", True)
        with pytest.raises(RequestFailedError, match="did you mean 'sleeper'"):
            bus.request("supervisor", ControlService(action="stop", service="sleper", actor="test"), Done)
        with pytest.raises(RequestFailedError, match="Known actions"):
            bus.request("supervisor", ControlService(action="explode", service="sleeper", actor="test"), Done)


def test_states_statistics_and_alerts_are_published(home: Home) -> None:
    """A kill is seen on the bus: the states in order, an alert, and statistics of the replacement."""
    states: queue.Queue[ServiceState] = queue.Queue()
    alerts: queue.Queue[Alert] = queue.Queue()
    stats: queue.Queue[ServiceStats] = queue.Queue()
    with BlockingBus.open(home, "test") as bus:
        bus.subscribe(topics.service_state("sleeper"), ServiceState, lambda one: states.put(one.message))
        bus.subscribe(topics.ALERTS, Alert, lambda one: alerts.put(one.message))
        bus.subscribe(topics.service_stats("sleeper"), ServiceStats, lambda one: stats.put(one.message))
        bus.settled(_PATIENCE_S)
        before = _pid(home, "sleeper")
        os.kill(before, signal.SIGKILL)
        seen = [states.get(timeout=_PATIENCE_S)]
        while not (seen[-1].state == "RUNNING" and seen[-1].pid not in {0, before}):
            seen.append(states.get(timeout=_PATIENCE_S))
        # What was stated before the kill may come first: events are delivered late rather than not at all.
        assert [one.state for one in seen][-3:] == ["BACKOFF", "STARTING", "RUNNING"], seen
        assert alerts.get(timeout=_PATIENCE_S).key == "service.sleeper"
        deadline = time.monotonic() + _PATIENCE_S
        while stats.get(timeout=_PATIENCE_S).pid == before:
            assert time.monotonic() < deadline


def test_without_the_bus_supervising_goes_on_and_on_its_return_states_are_stated_again(home: Home) -> None:
    """S27: the broker is frozen, a service dies and is replaced meanwhile; then the broker is replaced."""
    states: queue.Queue[ServiceState] = queue.Queue()
    broker, before = _pid(home, "bus"), _pid(home, "sleeper")
    os.kill(broker, signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    with ControlClient(home) as client:
        for event in client.events():
            found = [one for one in event.get("services", [event]) if one.get("name") == "sleeper"]
            if any(one["state"] == "RUNNING" and one["pid"] not in {0, before} for one in found):
                break
    with BlockingBus.open(home, "test") as bus:
        bus.subscribe(topics.service_state("sleeper"), ServiceState, lambda one: states.put(one.message))
        os.kill(broker, signal.SIGKILL)
        again = states.get(timeout=_PATIENCE_S)
    assert again.name == "sleeper"
    assert _pid(home, "bus") not in {0, broker}
    with ControlClient(home) as client:
        assert client.status()["supervisor"]["state"] == "RUNNING"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_minute_without_the_bus_changes_nothing_for_the_services(home: Home) -> None:
    """S27: gone for 60 s: deaths are mended, status is answered; then all is stated again."""
    states: queue.Queue[ServiceState] = queue.Queue()
    with ControlClient(home) as client:
        client.stop("bus")
        until, kills = time.monotonic() + 60.0, 0
        while time.monotonic() < until:
            before = _pid(home, "sleeper")
            with ControlClient(home) as watcher:
                events = watcher.events()
                next(events)
                os.kill(before, signal.SIGKILL)
                for event in events:
                    if event.get("name") == "sleeper" and event.get("state") == "RUNNING":
                        break
            kills += 1
            status = client.status()
            assert {one["name"]: one["state"] for one in status["services"]}["sleeper"] == "RUNNING"
            client._socket.settimeout(5)
            client.call("start", service="sleeper")  # clears the count of failures
            select.select([], [], [], 2.0)
        assert kills >= 10
        assert client.status()["supervisor"]["cpu_s"] < 20
        with BlockingBus.open(home, "test") as bus:
            bus.subscribe(topics.service_state("sleeper"), ServiceState, lambda one: states.put(one.message))
            assert client.start("bus")["ready"]
            now = _pid(home, "sleeper")
            while (again := states.get(timeout=_PATIENCE_S)).pid != now:
                assert again.name == "sleeper"
    assert again.state == "RUNNING"


def test_services_are_discovered_over_the_bus(home: Home) -> None:
    """Endpoint, epoch and schemas of one service or all; of an unknown name it is said."""
    with BlockingBus.open(home, "tester") as bus:
        found = bus.request("supervisor", Discover(), Discovered, timeout_s=_PATIENCE_S)
        kinds = {one.name: one.kind for one in found.services if one.ready}
        assert kinds == {"bus": "built-in", "sleeper": "add-on"}
        only = bus.request("supervisor", Discover(service="sleeper"), Discovered, timeout_s=_PATIENCE_S)
        assert [one.name for one in only.services] == ["sleeper"]
        with pytest.raises(RequestFailedError, match="no service 'sleper'"):
            bus.request("supervisor", Discover(service="sleper"), Discovered, timeout_s=_PATIENCE_S)
