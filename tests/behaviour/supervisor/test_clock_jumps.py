"""S16, S42: the wall clock jumps under a real daemon (libfaketime), and nothing is misled."""

import glob
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

_LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")  # noqa: PTH207 - a plain pattern

pytestmark = pytest.mark.skipif(not _LIBRARY, reason="libfaketime is not installed (Debian: libfaketime)")


class Clock:
    """The wall clock that the daemon sees; its monotonic clock is the real one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = folder / "clock"
        self.jump(0.0)
        monkeypatch.setenv("LD_PRELOAD", _LIBRARY)
        monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(self._file))
        monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
        monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")

    def jump(self, seconds: float) -> None:
        """Go so many seconds away from the real time."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{seconds:+.0f}\n", encoding="ascii")
        beside.replace(self._file)

    def set(self, text: str) -> None:
        """Stand at this moment of UTC now, and go on from there."""
        self.jump(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() - time.time())


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(tmp_path, monkeypatch)


# Only the supervisor sees the false clock: the children's sleeps are none of its business.
_TRUE_CLOCK = {"LD_PRELOAD": ""}


def _after_seconds(daemon, name: str, seconds: float) -> Callable[[], bool]:
    """A condition: the service has lived so much longer, as the supervisor counts."""
    until = daemon.status(name)["uptime_s"] + seconds
    return lambda: daemon.status(name)["uptime_s"] >= until


def test_a_day_forth_and_back_ends_no_wait_and_restarts_nobody(daemon, clock: Clock) -> None:
    """S16: of services that beat, start and back off none times out, restarts or waits longer."""
    daemon.supervisor = {"backoff_initial_s": 3600.0, "backoff_max_s": 7200.0}
    daemon.service("beats", "ready", "beat=300", heartbeat_timeout_s=60, environment=_TRUE_CLOCK)
    daemon.service(
        "begins", "sleep=1000", readiness={"kind": "notify"}, start_timeout_s=3600, environment=_TRUE_CLOCK
    )
    daemon.service("fails", "exit=1", environment=_TRUE_CLOCK)
    daemon.start()
    daemon.until("beats", "RUNNING")
    daemon.until("fails", lambda one: one["state"] == "BACKOFF" and one["restarts"] == 1)
    before = {name: daemon.status(name) for name in ("beats", "begins", "fails")}
    for day in (86_400, 0, -86_400, 0):
        clock.jump(day)
        daemon.until_true(_after_seconds(daemon, "beats", 1.5), "the supervisor goes on counting")
    after = {name: daemon.status(name) for name in before}
    for name, one in before.items():
        for field in ("state", "pid", "restarts"):
            assert after[name][field] == one[field], (name, field)
    assert 4 < after["beats"]["uptime_s"] - before["beats"]["uptime_s"] < 600


def _restarts(daemon, name: str) -> int:
    return int(daemon.status(name)["restarts"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_scheduled_restarts_follow_the_zone_through_summer_time(daemon, clock: Clock) -> None:
    """S42: a skipped hour and a doubled one happen once, a missed run by choice."""
    at = "02:30 Europe/Berlin"
    daemon.service("runs", "ready", restart_at=at, environment=_TRUE_CLOCK)
    daemon.service("skips", "ready", restart_at=at, restart_if_missed=False, environment=_TRUE_CLOCK)
    daemon.service("witness", "ready", environment=_TRUE_CLOCK)
    clock.set("2026-03-29T00:50:00")  # 01:50 in Berlin; at 02:00 it becomes 03:00
    daemon.start()
    for name in ("runs", "skips", "witness"):
        daemon.until(name, "RUNNING")

    def settle() -> None:
        daemon.until_true(_after_seconds(daemon, "witness", 11.0), "two looks at the clock")

    def counts() -> tuple[int, int]:
        return _restarts(daemon, "runs"), _restarts(daemon, "skips")

    settle()
    assert counts() == (0, 0)
    clock.set("2026-03-29T01:29:58")  # 03:29:58: the skipped 02:30 is due at 03:30
    daemon.until_true(lambda: counts() == (1, 1), "both restart at 03:30")
    clock.set("2026-03-29T00:40:00")  # set back: not again
    settle()
    assert counts() == (1, 1)
    clock.set("2026-10-24T12:00:00")  # half a year of missed runs: once, or not at all
    daemon.until_true(lambda: counts() == (2, 1), "one run for all that were missed")
    clock.set("2026-10-25T00:30:01")  # 02:30 in Berlin for the first time
    daemon.until_true(lambda: counts() == (3, 2), "both restart at the first 02:30")
    clock.set("2026-10-25T01:30:01")  # 02:30 for the second time
    settle()
    assert counts() == (3, 2)
    assert _restarts(daemon, "witness") == 0
