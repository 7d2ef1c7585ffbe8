"""S8, S18, S19, S20, S36, S40: output, and what a service may use."""

import gzip
import os
import signal
import time
from pathlib import Path

import pytest
from cryptobot.supervisor.cli.logview import files_of


def _log(daemon, name: str) -> bytes:
    return (daemon.home.logs / f"{name}.log").read_bytes()


def test_a_full_disk_stops_nobody_is_told_and_the_log_goes_on_afterwards(daemon) -> None:
    """S8: child and supervisor go on, an alert counts what was dropped, the log returns with the space."""
    path = daemon.home.logs / "talker.log"
    path.symlink_to("/dev/full")
    daemon.service("talker", command=["/bin/sh", "-c", "while :; do echo still here; sleep 0.05; done"])
    pid = daemon.start().until("talker", "RUNNING")["pid"]
    alert = daemon.until_alert("log.talker")
    assert "No space left" in alert["detail"]
    assert "bytes were dropped" in alert["detail"]
    path.unlink()
    daemon.until_alert("log.talker", recovered=True)
    daemon.until_log("talker", "still here")
    assert daemon.pid("talker") == pid


def test_a_flood_of_output_leaves_the_supervisor_and_others_unharmed(daemon) -> None:
    """S18: throttled by its own pipe; the supervisor's time and memory stay small, others are served."""
    daemon.log = {"max_bytes": 1_048_576, "keep": 1}
    daemon.service("flood", "ready", "flood")
    daemon.service("other", "ready")
    daemon.start().until("flood", "RUNNING")
    before = daemon.until("other", "RUNNING")["pid"]
    assert daemon.process is not None
    stat = Path(f"/proc/{daemon.process.pid}/stat")

    def cpu_s() -> float:
        fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began = cpu_s()
    deadline = time.monotonic() + 2.0
    with daemon.client() as client:
        while time.monotonic() < deadline:
            os.kill(daemon.pid("other"), 0)
        assert client.restart("other")["ready"]
    assert cpu_s() - began < 1.0
    assert daemon.pid("other") != before
    sizes = [path.stat().st_size for path in daemon.home.logs.glob("flood.log*")]
    assert sum(sizes) < 4 * 1_048_576


def test_odd_bytes_do_no_harm(daemon) -> None:
    """S19: NULs are shown, a half character and a half line end with the process, a closed stdout is fine."""
    daemon.service("odd", "raw=6100620a", "raw=68616c66c3", "exit=0", restart="never")
    daemon.service("after", "close-output", "ready")
    daemon.start()
    daemon.until("odd", "EXITED")
    daemon.until("after", "RUNNING")
    with daemon.client() as client:
        client.start("odd")
    daemon.until("odd", "EXITED")
    daemon.signal(signal.SIGTERM)
    assert _log(daemon, "odd") == b"a\\0b\nhalf\xc3\n" * 2
    assert "half" in _log(daemon, "odd").decode("utf-8", "replace")


def test_rotation_loses_and_splits_no_line(daemon) -> None:
    """S36: 40,000 lines through a log of 64 KiB that keeps plenty: all are there, whole, in order."""
    daemon.log = {"max_bytes": 65_536, "keep": 200}
    daemon.service("many", "lines=40000", "exit=0", restart="never")
    daemon.start()
    daemon.until("many", "EXITED")
    deadline = time.monotonic() + 45
    while len(list(daemon.home.logs.glob("many.log.*.gz"))) < 20:
        assert time.monotonic() < deadline, "rotated files are compressed meanwhile"
        time.sleep(0.02)
    daemon.signal(signal.SIGTERM)
    files = files_of(daemon.home.logs, "many")
    assert len(files) > 20
    content = [
        gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes() for one in files
    ]
    longest_line = 96  # one that was begun when the file was full is finished in it
    assert all(path.stat().st_size < 65_536 + longest_line for path in files)
    numbers = [int(line.split()[1]) for part in content for line in part.splitlines()]
    assert numbers == list(range(40_000))


@pytest.mark.parametrize("move", [False, True])
def test_a_log_deleted_or_renamed_beneath_us_is_opened_again(daemon, move: bool) -> None:
    """S36: within two seconds the lines are in a new file of the old name."""
    daemon.service("talker", command=["/bin/sh", "-c", "while :; do echo still here; sleep 0.05; done"])
    daemon.start()
    daemon.until_log("talker", "still here")
    path = daemon.home.logs / "talker.log"
    if move:
        path.rename(path.with_suffix(".moved"))
    else:
        path.unlink()
    daemon.until_log("talker", "still here")


def test_the_log_goes_on_when_the_log_keeper_is_killed(daemon) -> None:
    """The pipes are held by the supervisor too: a new keeper takes over, the child notices nothing."""
    daemon.service(
        "talker", command=["/bin/sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"]
    )
    pid = daemon.start().until("talker", "RUNNING")["pid"]
    daemon.until_log("talker", "3\n")
    assert daemon.process is not None
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text(
        encoding="ascii"
    )
    keeper = next(int(child) for child in children.split() if int(child) != pid)
    os.kill(keeper, signal.SIGKILL)
    seen = len(_log(daemon, "talker").splitlines())
    deadline = time.monotonic() + 45
    while len(_log(daemon, "talker").splitlines()) < seen + 20:
        assert time.monotonic() < deadline
    numbers = [int(line) for line in _log(daemon, "talker").splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert daemon.pid("talker") == pid


def test_above_its_memory_limit_a_service_is_restarted_and_the_reason_is_told(daemon) -> None:
    """S20: the action as configured, with the reason in the alert and in the events."""
    daemon.service("fat", "ready", "grow=80", limits={"memory_bytes": 60 * 1_048_576, "action": "restart"})
    first = daemon.start().until("fat", "RUNNING")["pid"]
    stopping = daemon.until("fat", lambda one: "its limit is 60 MiB" in one["reason"])
    assert stopping["state"] == "STOPPING"
    daemon.until("fat", lambda one: one["state"] == "RUNNING" and one["pid"] != first)
    assert "it is restarted" in daemon.until_alert("service.fat.limit")["detail"]


def test_above_its_memory_limit_a_service_is_stopped_when_so_configured(daemon) -> None:
    """S20: stop, and the reason stays in the status."""
    daemon.service("fat", "ready", "grow=80", limits={"memory_bytes": 60 * 1_048_576, "action": "stop"})
    daemon.start()
    assert "its limit is 60 MiB" in daemon.until("fat", "STOPPED")["reason"]


def test_a_limit_of_the_system_is_seen_by_the_child(daemon) -> None:
    """S40: rlimits are set before the program begins."""
    daemon.service("l", "limit=NOFILE", "ready", limits={"rlimits": {"nofile": 77}})
    daemon.start().until("l", "RUNNING")
    assert "NOFILE=77,77\n" in daemon.until_log("l", "NOFILE")


def test_a_limit_that_does_not_exist_is_fatal_with_its_name(daemon) -> None:
    """S40: the reason says which one."""
    daemon.service("l", "ready", limits={"rlimits": {"wishes": 3}})
    daemon.start()
    assert "'wishes'" in daemon.until("l", "FATAL")["reason"]


def test_a_readiness_probe_by_tcp_and_by_command(daemon, tmp_path: Path) -> None:
    """A service that says nothing is ready when its port answers, or when a command says so."""
    import socket
    import sys

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code = (
        f"import socket,time; time.sleep(.3); s=socket.create_server(('127.0.0.1',{port})); time.sleep(1000)"
    )
    daemon.service(
        "tcp",
        command=[sys.executable, "-I", "-c", code],
        readiness={"kind": "tcp", "port": port, "interval_s": 0.05},
    )
    flag = tmp_path / "flag"
    daemon.service(
        "cmd",
        command=["/bin/sh", "-c", f"sleep 0.3; touch {flag}; exec sleep 1000"],
        readiness={"kind": "command", "command": ["/usr/bin/test", "-e", str(flag)], "interval_s": 0.05},
    )
    daemon.start()
    assert daemon.until("tcp", "RUNNING")["ready"]
    assert daemon.until("cmd", "RUNNING")["ready"]
    assert flag.exists()


def test_a_machine_short_of_memory_loses_its_add_ons_and_keeps_trading(daemon) -> None:
    """S22: only what is optional is stopped, the reason stands in its status, and it is told."""
    daemon.supervisor = {"min_free_memory_bytes": 2**50}
    daemon.service("add-on", "ready", optional=True)
    daemon.service("trading", "ready")
    pid = daemon.start().until("trading", "RUNNING")["pid"]
    daemon.until("add-on", "RUNNING")
    stopped = daemon.until("add-on", "STOPPED")
    assert stopped["reason"].startswith("stopped to protect the machine: Low memory")
    assert "add-on was stopped to keep trading alive" in daemon.until_alert("machine.room")["detail"]
    assert daemon.pid("trading") == pid
