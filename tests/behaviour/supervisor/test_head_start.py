"""What waits for nothing is started before the supervisor is loaded, and only when nothing has changed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def begin(daemon, *then: str) -> subprocess.CompletedProcess[str]:
    """A head start in a process of its own, and nothing after it; prints the names and pids."""
    code = (
        "import sys; from cryptobot.supervisor.start import headstart; "
        "headstart.begin(sys.argv[1]); head = headstart.take(); "
        "print(*(f'{one.name}={one.pid}' for one in head.started) if head else (), flush=True); "
        + "; ".join(then)
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(daemon.home.root)], capture_output=True, text=True, timeout=60
    )


def started(daemon, *then: str) -> dict[str, int]:
    """Names and pids of what the head start made; it is left running."""
    done = begin(daemon, *then)
    assert not done.stderr, done.stderr
    return {name: int(pid) for name, _, pid in (word.partition("=") for word in done.stdout.split())}


def stopped_once(daemon) -> None:
    """Start and stop in order: the plan is there."""
    daemon.start()
    daemon.end()


def head_starts(daemon) -> list[int]:
    """How many services each head start of this home began."""
    return [line["services"] for line in daemon.journal() if line["event"] == "head start"]


def end(daemon, pids: dict[str, int]) -> None:
    for pid in pids.values():
        os.killpg(pid, signal.SIGKILL)
        daemon.wait_dead(pid)


def test_the_second_start_begins_with_what_waits_for_nothing(daemon, tmp_path: Path) -> None:
    """`a` is spawned ahead and taken up, `b` follows when `a` is ready; each is made exactly once."""
    daemon.service("a", f"count={tmp_path / 'a'}", "ready")
    daemon.service("b", f"count={tmp_path / 'b'}", "ready", requires=["a"])
    daemon.start().until("b", "RUNNING")
    daemon.end()
    daemon.start()
    pids = {name: daemon.until(name, "RUNNING")["pid"] for name in ("a", "b")}
    assert head_starts(daemon) == [1]
    assert sorted(daemon.processes()) == sorted(pids.values())
    assert [len((tmp_path / name).read_text("ascii").splitlines()) for name in "ab"] == [2, 2]


def test_nothing_heavy_is_loaded_before(daemon) -> None:
    """The head start is worth its name only while it imports next to nothing."""
    daemon.service("a", "ready")
    stopped_once(daemon)
    loaded = "print(sorted({'msgspec', 'zmq', 'yaml', 'typing', 'subprocess'} & set(sys.modules)))"
    done = begin(daemon, "import os, signal", "os.killpg(head.started[0].pid, signal.SIGKILL)", loaded)
    assert done.stdout.splitlines()[1] == "[]"


def test_output_of_the_first_moment_is_logged(daemon) -> None:
    """What a child prints before anybody reads waits in its pipe."""
    daemon.service("a", "say=early", "ready")
    stopped_once(daemon)
    (daemon.home.logs / "a.log").unlink(missing_ok=True)
    daemon.start()
    assert "early" in daemon.until_log("a", "early")
    daemon.until("a", "RUNNING")
    assert head_starts(daemon) == [1]


def test_what_ended_meanwhile_is_restarted(daemon, tmp_path: Path) -> None:
    """A child that dies before the supervisor is there is reaped, counted and replaced."""
    once = tmp_path / "once"
    code = f"import os,sys,time\nif not os.path.exists({str(once)!r}): sys.exit(3)\ntime.sleep(1000)"
    once.touch()
    daemon.service("a", command=[sys.executable, "-I", "-S", "-c", code], backoff_initial_s=0.01)
    stopped_once(daemon)
    once.unlink()
    daemon.start()
    daemon.until("a", lambda one: one.get("restarts", 0) >= 1)
    once.touch()
    daemon.until("a", lambda one: one["state"] == "RUNNING" and one["restarts"] >= 1)
    assert head_starts(daemon) == [1]


def test_a_kill_in_the_middle_doubles_nothing(daemon) -> None:
    """Killed -9 after the spawns and before it was loaded: the next supervisor adopts each of them."""
    for name in ("a", "b"):
        daemon.service(name)
    stopped_once(daemon)
    pids = started(daemon, "import os", "os.kill(os.getpid(), 9)")
    assert sorted(pids) == ["a", "b"]
    daemon.start()
    assert {name: daemon.status(name)["pid"] for name in pids} == pids
    assert sorted(daemon.processes()) == sorted(pids.values())
    assert all(daemon.status(name)["adopted"] for name in pids)


def change_manifest(daemon) -> None:
    daemon.service("a", "ready", stop_timeout_s=7)


def change_settings(daemon) -> None:
    path = daemon.home.run / "settings.json"
    path.write_text(path.read_text("utf-8").replace('"paper"', '"dev"', 1), encoding="utf-8")


def stop_it(daemon) -> None:
    (daemon.home.state / "stopped-services.json").write_text('["a"]', encoding="utf-8")


def leave_survivors(daemon) -> None:
    (daemon.home.run / "supervisor-state.jsonl").write_text("{}\n", encoding="ascii")


def other_version(daemon) -> None:
    path = daemon.home.run / "headstart.json"
    plan = json.loads(path.read_bytes())
    path.write_text(json.dumps({**plan, "program": ["0.0.0", *plan["program"][1:]]}), encoding="utf-8")


def break_plan(daemon) -> None:
    (daemon.home.run / "headstart.json").write_bytes(b'{"places": ')


@pytest.mark.parametrize(
    "change",
    [change_manifest, change_settings, stop_it, leave_survivors, other_version, break_plan],
    ids=lambda change: change.__name__,
)
def test_when_anything_has_changed_nothing_is_started_ahead(daemon, change) -> None:
    """In doubt the ordinary start decides."""
    daemon.service("a", "ready")
    stopped_once(daemon)
    change(daemon)
    assert started(daemon) == {}
    assert daemon.processes() == {}


def test_a_held_lock_means_no_head_start(daemon) -> None:
    """Another supervisor runs here: not one process is made."""
    daemon.service("a", "ready")
    stopped_once(daemon)
    plan = (daemon.home.run / "headstart.json").read_bytes()
    daemon.start().until("a", "RUNNING")
    (daemon.home.run / "supervisor-state.jsonl").rename(daemon.home.run / "aside")
    (daemon.home.run / "headstart.json").write_bytes(plan)
    assert started(daemon) == {}
    assert len(daemon.processes()) == 1
    (daemon.home.run / "aside").rename(daemon.home.run / "supervisor-state.jsonl")


def test_a_service_that_needs_more_than_a_plain_call_waits(daemon) -> None:
    """Limits, hooks, secrets and niceness are set by the supervisor alone."""
    daemon.service("limited", "ready", limits={"rlimits": {"nofile": 64}})
    daemon.service("hooked", "ready", before_start=["/bin/true"])
    daemon.service("secret", "ready", secrets=["notify.*"])
    daemon.service("nice", "ready", limits={"nice": 5})
    daemon.service("plain", "ready")
    stopped_once(daemon)
    pids = started(daemon)
    assert sorted(pids) == ["plain"]
    end(daemon, pids)


def test_a_start_that_fails_ends_what_it_began(daemon) -> None:
    """Broken groups keep the supervisor from starting: it says so, and no process stays."""
    daemon.service("a", "ready")
    stopped_once(daemon)
    (daemon.home.root / "groups.json").write_text("[{", encoding="utf-8")
    assert "groups.json" in daemon.launch()
    assert daemon.processes() == {}
    assert not (daemon.home.run / "supervisor-state.jsonl").exists()
    (daemon.home.root / "groups.json").unlink()


def test_a_stop_that_comes_too_early_is_heard(daemon) -> None:
    """SIGTERM before the handlers are there waits for them and then stops everything in order."""
    daemon.service("a", "ready")
    stopped_once(daemon)
    code = (
        "import os, signal, sys; from cryptobot.supervisor.start import headstart; "
        "headstart.begin(sys.argv[1]); os.kill(os.getpid(), signal.SIGTERM); "
        "from cryptobot.supervisor import daemon; from cryptobot.configs.paths import Home; "
        "sys.exit(daemon.main(Home.find(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(daemon.home.root)], timeout=60, check=False)
    assert done.returncode == 0
    assert daemon.processes() == {}
