"""S5-S7, S11, S24, S29, S30, S32, S35: when a service ends, freezes or cannot begin."""

import os
import resource
import signal
import threading
from itertools import pairwise
from pathlib import Path

import pytest


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_child_that_fails_for_ever_becomes_fatal_and_one_command_brings_it_back(
    daemon, tmp_path: Path
) -> None:
    """S5: waits grow between the tries, then FATAL with an alert; `start` clears the count."""
    good = tmp_path / "good"
    daemon.service(
        "weak",
        f"count={tmp_path / 'tries'}",
        f"exit-unless={good}",
        "ready",
        restart_limit=4,
        backoff_initial_s=0.1,
        backoff_max_s=0.4,
    )
    daemon.start()
    fatal = daemon.until("weak", "FATAL")
    assert "exit code 1" in fatal["reason"]
    assert daemon.until_alert("service.weak")["severity"] == "critical"
    times = [float(line.split()[1]) for line in (tmp_path / "tries").read_text(encoding="ascii").splitlines()]
    waits = [after - before for before, after in pairwise(times)]
    assert len(times) == 5
    assert waits[1] >= 0.08
    assert waits[2] >= 0.16
    assert waits[3] >= 0.32
    assert daemon.process is not None
    assert _cpu_s(daemon.process.pid) < 1.0
    good.touch()
    with daemon.client() as client:
        assert client.start("weak")["ready"]


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        ("always", 0, "RUNNING"),
        ("on-failure", 0, "EXITED"),
        ("never", 0, "EXITED"),
        ("on-failure", 1, "RUNNING"),
        ("never", 1, "EXITED"),
    ],
)
def test_the_policy_decides_whether_an_exit_is_followed_by_a_start(
    daemon, tmp_path: Path, policy: str, code: int, state: str
) -> None:
    """S6: exit 0 under always / on-failure / never: restarted / EXITED / EXITED."""
    path = tmp_path / "once"
    script = f"test -e {path} && exec sleep 1000; touch {path}; exit {code}"
    daemon.service("one", command=["/bin/sh", "-c", script], restart=policy)
    daemon.start()
    settled = daemon.until(
        "one", lambda one: one["state"] == state and (one["restarts"] == 1 or state == "EXITED")
    )
    assert settled["restarts"] == (1 if state == "RUNNING" else 0)


def test_a_frozen_child_is_degraded_told_of_and_replaced(daemon) -> None:
    """S7: SIGSTOP: DEGRADED with an alert, then killed and started again."""
    daemon.service("ice", "ready", "beat=600", heartbeat_timeout_s=1.0)
    first = daemon.start().until("ice", "RUNNING")["pid"]
    os.kill(first, signal.SIGSTOP)
    degraded = daemon.until("ice", "DEGRADED")
    assert "no heartbeat" in degraded["reason"]
    assert "does not work" in daemon.until_alert("service.ice")["title"]
    again = daemon.until("ice", lambda one: one["state"] == "RUNNING" and one["pid"] != first)
    assert not daemon.alive(first)
    assert again["restarts"] == 1


def test_a_child_whose_loop_hangs_while_it_still_beats_is_found(daemon) -> None:
    """S7: heartbeats without progress come from a process that does no work."""
    daemon.service("hung", "ready", "beat=0.3", "beat-hung=600", heartbeat_timeout_s=1.0)
    daemon.start()
    daemon.until("hung", "DEGRADED")
    daemon.until("hung", lambda one: one["restarts"] == 1)


def test_a_child_that_wakes_in_time_recovers(daemon) -> None:
    """S7: DEGRADED is left by a heartbeat, without a restart."""
    daemon.service("sleepy", "ready", "beat=0.2", "sleep=1.6", "beat=600", heartbeat_timeout_s=1.0)
    first = daemon.start().until("sleepy", "RUNNING")["pid"]
    daemon.until("sleepy", "DEGRADED")
    back = daemon.until("sleepy", "RUNNING")
    assert (back["pid"], back["restarts"]) == (first, 0)


def test_what_cannot_be_started_is_fatal_with_its_reason_and_the_others_run(daemon, tmp_path: Path) -> None:
    """S11: missing, not executable, wrong interpreter, no program at all, not in PATH."""
    plain = tmp_path / "plain"
    plain.write_text("echo\n", encoding="ascii")
    wrong = tmp_path / "wrong"
    wrong.write_text("#!/no/such/interpreter\n", encoding="ascii")
    wrong.chmod(0o755)
    daemon.service("missing", command=["/no/such/program"])
    daemon.service("plain", command=[str(plain)])
    daemon.service("wrong", command=[str(wrong)])
    daemon.service("nowhere", command=["no-such-program-at-all"])
    daemon.service("good", "ready")
    daemon.start().until("good", "RUNNING")
    reasons = {
        name: daemon.until(name, "FATAL")["reason"] for name in ("missing", "plain", "wrong", "nowhere")
    }
    assert reasons["missing"] == "The program /no/such/program does not exist."
    assert "is not executable" in reasons["plain"]
    assert "/no/such/interpreter" in reasons["wrong"]
    assert "PATH" in reasons["nowhere"]


def test_exit_78_is_fatal_at_once_with_what_the_child_said(daemon) -> None:
    """A service that cannot start as things are is not tried again."""
    daemon.service("no", "status=The port 80 is taken.", "exit=78", readiness={"kind": "notify"})
    daemon.start()
    fatal = daemon.until("no", "FATAL")
    assert fatal["reason"] == "The port 80 is taken."
    assert fatal["restarts"] == 0


def test_a_child_that_never_becomes_ready_fails_and_its_dependants_wait(daemon) -> None:
    """S24: start time-out, reason, policy; what requires it is not started."""
    daemon.service(
        "late",
        "status=still loading",
        readiness={"kind": "notify"},
        start_timeout_s=0.3,
        restart_limit=2,
        backoff_initial_s=0.05,
    )
    daemon.service("follower", "ready", requires=["late"])
    daemon.start()
    fatal = daemon.until("late", "FATAL")
    assert "was not ready within 0.3 s" in fatal["reason"]
    assert "still loading" in fatal["reason"]
    follower = daemon.status("follower")
    assert (follower["state"], follower["pid"]) == ("STARTING", 0)
    assert follower["reason"].startswith("waits for late, which is FATAL")


def test_crashes_within_the_window_trip_the_limit_though_each_run_was_long(daemon, tmp_path: Path) -> None:
    """S29: more than 3 failures in the window are too many, also when each run counts as stable."""
    daemon.service("c", "sleep=0.15", "exit=1", stable_s=0.1, restart_limit=3, restart_window_s=30)
    daemon.start()
    assert "more than 3 times" in daemon.until("c", "FATAL")["reason"]


def test_crashes_spread_wider_than_the_window_do_not(daemon, tmp_path: Path) -> None:
    """S29: the counter decays."""
    daemon.service("c", "sleep=0.3", "exit=1", stable_s=0.1, restart_limit=2, restart_window_s=0.5)
    daemon.start()
    assert daemon.until("c", lambda one: one["restarts"] >= 6)["state"] != "FATAL"


def test_a_stop_during_backoff_is_at_once_and_final(daemon, tmp_path: Path) -> None:
    """S30: STOPPED, and no start comes later."""
    daemon.service("c", f"count={tmp_path / 'n'}", "exit=1", backoff_initial_s=0.4, restart_limit=50)
    daemon.start()
    daemon.until("c", lambda one: one["state"] == "BACKOFF" and one["restarts"] == 1)
    with daemon.client() as client:
        assert client.stop("c")["services"][0]["state"] == "STOPPED"
        tries = (tmp_path / "n").read_text(encoding="ascii")
        daemon.service("clock", "sleep=1", "exit=0", restart="never")
        client.reload()
        daemon.until("clock", "EXITED")
    assert (tmp_path / "n").read_text(encoding="ascii") == tries
    assert daemon.status("c")["state"] == "STOPPED"


def test_a_stop_or_restart_while_waiting_makes_no_duplicate(daemon, tmp_path: Path) -> None:
    """S30: a waiting service stops at once; a restart of a waiting one starts it once."""
    go = tmp_path / "go"
    daemon.service(
        "slow", f"exit-unless={go}", "ready", backoff_initial_s=0.1, backoff_max_s=0.1, restart_limit=900
    )
    daemon.service("x", "ready", f"count={tmp_path / 'x'}", requires=["slow"])
    daemon.service("y", "ready", f"count={tmp_path / 'y'}", requires=["slow"])
    daemon.start()
    daemon.until("x", lambda one: one["state"] == "STARTING" and "waits for slow" in one["reason"])
    with daemon.client() as client:
        assert client.stop("x")["services"][0]["state"] == "STOPPED"
        client.restart("y", wait=False)
        client.restart("y", wait=False)
        go.touch()
        daemon.until("y", "RUNNING")
    assert daemon.status("x")["state"] == "STOPPED"
    assert not (tmp_path / "x").exists()
    assert sorted(daemon.processes().values()) == ["slow", "y"]


def test_two_restarts_at_once_leave_one_instance(daemon) -> None:
    """S32: two people press the button at the same moment."""
    daemon.service("a", "slow-stop=0.2", "ready")
    first = daemon.start().until("a", "RUNNING")["pid"]
    barrier = threading.Barrier(2)

    def press() -> None:
        with daemon.client() as client:
            barrier.wait()
            client.restart("a")

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = daemon.until("a", "RUNNING")
    assert last["pid"] != first
    assert list(daemon.processes()) == [last["pid"]]


def test_a_lack_of_descriptors_is_waited_out(daemon) -> None:
    """S35: EMFILE on spawn is followed by backoff and a retry, not by a crash, and no descriptor is lost."""
    daemon.service("a", "ready")
    daemon.service("b", "ready", restart_limit=500, backoff_initial_s=0.05, backoff_max_s=0.1, enabled=False)
    daemon.start().until("a", "RUNNING")
    assert daemon.process is not None
    pid = daemon.process.pid
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with daemon.client() as client, daemon.client() as watcher:
        events = watcher.events()
        next(events)
        in_use = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use + 1, old[1]))
        client.start("b", wait=False)
        waiting = next(event for event in events if event.get("state") == "BACKOFF")
        assert "no room" in waiting["reason"]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
        assert next(event for event in events if event.get("state") == "RUNNING")["name"] == "b"


def test_a_service_whose_probe_fails_is_degraded_and_then_replaced(daemon, tmp_path: Path) -> None:
    """Liveness: the first failure makes it DEGRADED, the third in a row ends it."""
    sick = tmp_path / "sick"
    daemon.service(
        "p",
        "ready",
        probe={"kind": "command", "command": ["/usr/bin/test", "!", "-e", str(sick)], "interval_s": 0.1},
    )
    first = daemon.start().until("p", "RUNNING")["pid"]
    sick.touch()
    assert "command probe fails" in daemon.until("p", "DEGRADED")["reason"]
    daemon.until("p", lambda one: one["pid"] not in {0, first})
    sick.unlink()
    assert daemon.until("p", "RUNNING")["pid"] != first
