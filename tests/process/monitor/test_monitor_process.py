"""The monitor as a process on the real bus: kill -9 loses no alert and counts none twice."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.monitor import (
    AlertEntry,
    AlertLog,
    DoctorReport,
    HealthHistory,
    ListAlerts,
    ListHealthHistory,
    RunDoctor,
)
from cryptobot.bus.contracts.service import Alert, Ping, ServiceStats
from cryptobot.configs import snapshot
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.monitor import MonitorSettings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")


class Platform:
    """The bus and the monitor of one home, as processes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.start("bus")
        self.bus = BlockingBus.open(home, "supervisor")

    def start(self, name: str) -> None:
        """Spawn a service."""
        command = [sys.executable, "-m", "cryptobot", "--home", str(self.home.root), "service", "run", name]
        with (self.home.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stderr=log, stdout=log)

    def ready(self) -> None:
        """Wait until the monitor answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.bus.request("monitor", Ping(), Done, timeout_s=60, tries=60)
            except RequestFailedError:  # asked in the midst of its setup
                assert time.monotonic() < deadline
                os.sched_yield()
            else:
                return

    def kill(self) -> None:
        """As a crash would."""
        self.processes["monitor"].send_signal(signal.SIGKILL)
        self.processes["monitor"].wait(10)

    def alert(self, key: str, *, recovered: bool = False) -> None:
        """The supervisor tells something."""
        message = Alert(
            key=key, severity="error", source="supervisor", title="t", detail="d", recovered=recovered
        )
        self.bus.publish(topics.alert("error"), message)

    def until(self, condition: Callable[[list[AlertEntry]], bool]) -> list[AlertEntry]:
        """Ask until the alerts are so."""
        deadline = time.monotonic() + 45
        while True:
            found = self.bus.request("monitor", ListAlerts(), AlertLog, timeout_s=45).alerts
            if condition(found):
                return found
            assert time.monotonic() < deadline, found
            os.sched_yield()

    def stop(self) -> None:
        """End everything."""
        self.bus.close()
        for process in reversed(self.processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A home with the bus and the monitor running."""
    home = Home(tmp_path / "h")
    home.create()
    snapshot.write(home, Settings(monitor=MonitorSettings(write_interval_s=0.2)))
    running = Platform(home)
    try:
        running.start("monitor")
        running.ready()
        yield running
    finally:
        running.stop()


def test_alerts_told_while_it_is_dead_are_there_afterwards_and_none_twice(platform) -> None:
    """Its position on the bus is kept; an alert that was raised before and ended meanwhile is over."""
    platform.alert("before")
    platform.until(lambda found: [one.key for one in found] == ["before"])
    platform.kill()
    platform.alert("meanwhile")
    platform.alert("meanwhile")
    platform.alert("before", recovered=True)
    platform.start("monitor")
    platform.ready()
    found = platform.until(lambda found: len(found) == 2 and any(one.recovered_ms for one in found))
    assert [(one.key, one.count, bool(one.recovered_ms)) for one in found] == [
        ("meanwhile", 2, False),
        ("before", 1, True),
    ]


def test_history_outlives_a_kill_but_for_the_last_moments(platform) -> None:
    """What was written is there, each second once."""
    stats = ServiceStats(
        name="trade", pid=1, cpu_percent=2.0, rss_bytes=5, threads=1, open_files=1, uptime_s=1.0
    )
    ask = ListHealthHistory(service="trade", step_s=1)

    def seconds() -> list[int]:
        answer = platform.bus.request("monitor", ask, HealthHistory, timeout_s=45)
        return list(answer.series[0].start_ms) if answer.series else []

    deadline = time.monotonic() + 45
    while len(seconds()) < 3:
        platform.bus.publish(topics.service_stats("trade"), stats)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = seconds()
    platform.kill()
    platform.start("monitor")
    platform.ready()
    after = seconds()
    assert set(before[:-2]) <= set(after)
    assert len(set(after)) == len(after)


def test_the_doctor_is_run_for_a_page(platform) -> None:
    """As a process of its own; its findings come as a message."""
    report = platform.bus.request("monitor", RunDoctor(), DoctorReport, timeout_s=60, tries=1)
    assert {"clock", "disk", "databases"} <= {one.check for one in report.checks}
    assert all(one.verdict in {"ok", "warning", "fault"} for one in report.checks)
