"""S44: services that fail over and over: often, and for 24 hours on a clock 600 times as fast."""

import glob
import os
from pathlib import Path

import pytest

_LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")  # noqa: PTH207 - a plain pattern
_DAY_S, _HOUR_S = 86_400.0, 3_600.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def _uses(pid: int) -> tuple[int, int, int]:
    """Descriptors, threads, private memory in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    private = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")), private  # noqa: PTH208


def _keeper(supervisor: int) -> int:
    """The log keeper among the supervisor's children."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii").split()
    for pid in map(int, children):
        if b"log keeper" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("there is no log keeper")


def test_ten_thousand_restarts_keep_nothing(daemon) -> None:
    """S44: after a thousand restarts ten thousand more cost less than 26 bytes each."""
    names = [f"flaps{number}" for number in range(6)]
    for name in names:
        limits = {"backoff_initial_s": 0.01, "backoff_max_s": 0.02, "restart_limit": 1_000_000}
        daemon.service(name, command=["/bin/false"], restart_window_s=1, **limits)
    daemon.log = {"max_bytes": 1_000_000, "keep": 2}
    daemon.start()
    assert daemon.process is not None

    def restarts() -> int:
        with daemon.client() as client:
            return sum(one["restarts"] for one in client.status()["services"])

    while restarts() < 1_000:
        daemon.wait_a_moment()
    supervisor, keeper = daemon.process.pid, _keeper(daemon.process.pid)
    before = {pid: _uses(pid) for pid in (supervisor, keeper)}
    while restarts() < 11_000:
        daemon.wait_a_moment()
    for pid, (descriptors, threads, private_kib) in before.items():
        after = _uses(pid)
        assert abs(after[0] - descriptors) <= 4, "descriptors"
        assert after[1] == threads, "threads"
        assert after[2] < private_kib + 256, "memory"


@pytest.mark.skipif(not _LIBRARY, reason="libfaketime is not installed (Debian: libfaketime)")
def test_a_day_of_flapping_leaks_nothing(daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """S44: descriptors, threads and memory of supervisor and log keeper are after a day what they were."""
    monkeypatch.setenv("LD_PRELOAD", _LIBRARY)
    monkeypatch.setenv("FAKETIME", "+0 x600")
    true_clock = {"LD_PRELOAD": "", "FAKETIME": ""}
    limits = {"backoff_initial_s": 1, "backoff_max_s": 30, "restart_limit": 1_000_000}
    names = [f"flaps{number}" for number in range(6)]
    for name in names:
        daemon.service(name, command=["/bin/false"], environment=true_clock, **limits)
    daemon.service("steady", command=["/bin/sleep", "100000"], environment=true_clock)
    daemon.start()
    steady = daemon.until("steady", "RUNNING")["pid"]
    assert daemon.process is not None

    def lived_s() -> float:
        with daemon.client() as client:
            return float(client.status()["supervisor"]["uptime_s"])

    daemon.until_true(lambda: lived_s() > 2 * _HOUR_S, "two hours pass")
    keeper = _keeper(daemon.process.pid)
    before = {pid: _uses(pid) for pid in (daemon.process.pid, keeper)}
    while lived_s() < _DAY_S:
        daemon.wait_a_moment()
    after = {pid: _uses(pid) for pid in before}
    restarts = [daemon.status(name)["restarts"] for name in names]
    assert min(restarts) > 500, restarts
    assert daemon.pid("steady") == steady
    for pid, (descriptors, threads, private_kib) in before.items():
        assert abs(after[pid][0] - descriptors) <= 4, "descriptors"
        assert after[pid][1] == threads, "threads"
        # A few hundred bytes kept for each of some twenty thousand ends would be seen.
        assert after[pid][2] < private_kib + 2048, "memory"
