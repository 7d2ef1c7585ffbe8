"""S20, S21, S22, S40: what services use, limits on all of it, roles, a full disk; on real processes."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def _until(condition, what: str, timeout_s: float = 45.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_memory_of_its_own_open_files_threads_and_disk_are_in_the_status(daemon) -> None:
    """Of each service, of the supervisor, and of all together."""
    daemon.supervisor = {"stats_interval_s": 0.2}
    (daemon.home.state / "databases" / "full.sqlite").write_bytes(b"x" * 5000)
    # A limit on open files has them looked at each time, not every half minute.
    daemon.service("full", "open-files=40", "threads=5", "ready", limits={"open_files": 1000})
    daemon.start().until("full", "RUNNING")
    _until(lambda: daemon.status("full")["open_files"] >= 43, "open files are counted")
    _until(lambda: daemon.status("full")["threads"] == 6, "threads are counted")
    _until(lambda: daemon.status("full")["disk_bytes"] >= 5000, "files on the disk are found")
    one = daemon.status("full")
    assert 0 < one["pss_bytes"] <= one["rss_bytes"]
    with daemon.client() as client:
        status = client.status()
    assert status["supervisor"]["rss_bytes"] > 0
    assert status["total"]["threads"] >= 7
    assert status["total"]["rss_bytes"] >= one["rss_bytes"]


@pytest.mark.parametrize(
    ("words", "limits", "sentence"),
    [
        (("open-files=60",), {"open_files": 50}, "open files, its limit is 50"),
        (("threads=9",), {"threads": 4}, "uses 10 threads, its limit is 4"),
    ],
)
def test_above_a_limit_of_files_or_threads_a_service_is_stopped_with_the_reason(
    daemon, words, limits, sentence
) -> None:
    """S20: the named action, the reason in status and alert."""
    daemon.supervisor = {"stats_interval_s": 0.2}
    daemon.service("greedy", "ready", *words, limits={**limits, "action": "stop"})
    daemon.start()
    assert sentence in daemon.until("greedy", "STOPPED")["reason"]
    assert sentence in daemon.until_alert("service.greedy.limit")["detail"]


def test_what_a_service_keeps_on_the_disk_has_a_limit_too(daemon) -> None:
    """S20: its database, its log, its outbox; warn lets it go on and is told once."""
    daemon.supervisor = {"stats_interval_s": 0.2}
    path = daemon.home.databases / "hoarder.sqlite"
    daemon.service(
        "hoarder",
        f"fill={path},3000000",
        "ready",
        limits={"disk_bytes": 2 * 1_048_576, "action": "warn"},
    )
    path.write_bytes(b"x" * 3_000_000)
    pid = daemon.start().until("hoarder", "RUNNING")["pid"]
    alert = daemon.until_alert("service.hoarder.limit")
    assert alert["detail"] == "hoarder uses 2.861 MiB on the disk, its limit is 2 MiB; it goes on."
    assert daemon.pid("hoarder") == pid


def test_a_fork_bomb_is_ended_at_its_limit_and_others_live(daemon) -> None:
    """S21: 300 processes where 20 are allowed: the whole tree goes, the others do not notice."""
    daemon.supervisor = {"stats_interval_s": 0.2}
    daemon.service("other", "ready")
    daemon.service("bomb", "ready", "bomb-later=300", limits={"processes": 20, "action": "stop"})
    daemon.start()
    other = daemon.until("other", "RUNNING")["pid"]
    stopped = daemon.until("bomb", lambda one: one["state"] in {"STOPPED", "FATAL"})
    assert "processes, its limit is 20" in stopped["reason"]
    _until(lambda: "bomb" not in daemon.processes().values(), "all of them gone")
    assert daemon.pid("other") == other
    assert "its limit is 20" in daemon.until_alert("service.bomb.limit")["detail"]


def test_add_ons_run_below_trade_by_their_role(daemon) -> None:
    """The settings' map of roles gives niceness and processors; a manifest's own limits go before it."""
    daemon.supervisor = {"roles": {"add-on": {"nice": 7, "cpus": [0]}, "core": {"nice": 0}}}
    daemon.service("main", "ready", role="core")
    daemon.service("extra", "ready", optional=True)
    daemon.service("own", "ready", optional=True, limits={"nice": 3})
    daemon.start()
    pids = {name: daemon.until(name, "RUNNING")["pid"] for name in ("main", "extra", "own")}
    assert {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in pids.items()} == {
        "main": os.getpriority(os.PRIO_PROCESS, 0), "extra": 7, "own": 3,
    }  # fmt: skip
    assert os.sched_getaffinity(pids["extra"]) == {0}
    assert os.sched_getaffinity(pids["main"]) == os.sched_getaffinity(0)


def test_a_processor_that_does_not_exist_is_fatal_with_the_reason(daemon) -> None:
    """S40: what cannot be set is said, and nothing of it runs."""
    daemon.service("far", "ready", limits={"cpus": [4000]})
    daemon.start()
    assert "processors [4000] cannot be set" in daemon.until("far", "FATAL")["reason"]
    daemon.until_true(lambda: "far" not in daemon.processes().values(), "its process is gone")


@contextlib.contextmanager
def _small_disk(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a disk of a few megabytes can be mounted by root only")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_full_disk_holds_a_service_until_there_is_room(daemon, tmp_path: Path) -> None:
    """It fails more often than its limit, is held in BACKOFF with the reason, and runs when there is room."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    root = daemon.home.root
    with _small_disk(tmp_path / "small", "8m") as small:
        shutil.copytree(root, small / "home", symlinks=True)
        daemon.home = type(daemon.home)(small / "home")
        daemon.home.create()
        ballast = small / "ballast"
        try:
            _held_then_running(daemon, ballast, small)
        finally:
            ballast.unlink(missing_ok=True)
            daemon.end()


def _fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, bytes(4096))
    finally:
        os.close(descriptor)


def _held_then_running(daemon, ballast: Path, small: Path) -> None:
    daemon.supervisor = {"min_free_disk_bytes": 0, "restart_limit": 2, "backoff_initial_s": 0.05}
    daemon.service("writer", f"need-room={small}/data", "ready", enabled=False)
    daemon.service("never", "status=disk full it says", "exit=78", enabled=False)
    daemon.start()
    _fill(ballast)
    with daemon.client() as client:
        for name in ("writer", "never"):
            client.call("start", service=name)
    for name in ("writer", "never"):
        held = daemon.until(name, lambda one: one["reason"].startswith("held, "))
        assert held["state"] == "BACKOFF"
        assert "disk of" in held["reason"]
        assert "tried again every 10 s" in held["reason"]
    assert daemon.until_alert("service.writer")["title"] == "writer waits"
    ballast.unlink()
    assert daemon.until("writer", "RUNNING")["ready"]
    assert daemon.until("never", "FATAL")["reason"] == "disk full it says"


def test_a_child_sees_neither_more_nor_fewer_descriptors_than_it_should(daemon) -> None:
    """Niceness and processors are set from outside: the spawn stays the fast one, and clean."""
    code = (
        "import os,sys; print('open', sorted(map(int, os.listdir('/proc/self/fd')))[:-1]); sys.stdout.flush()"
    )
    daemon.service(
        "clean",
        command=[sys.executable, "-I", "-S", "-c", f"{code}; import time; time.sleep(1000)"],
        limits={"nice": 4},
    )
    daemon.start()
    assert "open [0, 1, 2]" in daemon.until_log("clean", "open [")


@pytest.mark.slow
def test_a_machine_short_of_disk_loses_its_add_ons_first_and_gets_them_back(daemon) -> None:
    """S22: the larger add-on goes first, trade never; with ample room for half a minute they run again."""
    daemon.supervisor = {"min_free_disk_bytes": 2**60}
    daemon.service("large", "ready", "grow=60", optional=True)
    daemon.service("small", "ready", optional=True)
    daemon.service("trading", "ready")
    daemon.start()
    pids = {name: daemon.until(name, "RUNNING")["pid"] for name in ("large", "small", "trading")}
    stopped = daemon.until("large", "STOPPED")
    assert stopped["reason"].startswith("stopped to protect the machine: Low disk")
    assert daemon.status("small")["state"] == "RUNNING"
    daemon.until("small", "STOPPED")
    assert daemon.pid("trading") == pids["trading"]
    with (daemon.home.root / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("supervisor: {min_free_disk_bytes: 0}\n")
    with daemon.client() as client:
        client.reload()
    for name in ("large", "small"):
        assert daemon.until(name, "RUNNING", 90.0)["pid"] != pids[name]
    assert daemon.pid("trading") == pids["trading"]
