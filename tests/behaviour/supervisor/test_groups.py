"""S31, S41, S42, S43 and hooks: groups, instances, rolling restart, schedules, commands around a service."""

import json
import os
import signal
from pathlib import Path


def _group(daemon, **group: object) -> None:
    (daemon.home.root / "groups.json").write_text(json.dumps([{"name": "g", **group}]), encoding="utf-8")


def _trio(daemon, tmp_path: Path) -> dict[str, int]:
    for name, after in (("a", []), ("b", ["a"]), ("c", ["b"])):
        daemon.service(name, f"count={tmp_path / name}", "ready", group="g", after=after, stable_s=0.0)
    daemon.start()
    return {name: daemon.until(name, "RUNNING")["pid"] for name in ("a", "b", "c")}


def _replaced(daemon, name: str, old: dict[str, int]) -> int:
    changed = daemon.until(name, lambda one: one["state"] == "RUNNING" and one["pid"] not in {0, old[name]})
    return int(changed["pid"])


def _started(path: Path) -> float:
    return float(path.read_text(encoding="ascii").splitlines()[-1].split()[1])


def test_rest_for_one_restarts_what_comes_after_in_order(daemon, tmp_path: Path) -> None:
    """S31: B is killed: C is stopped, B and then C start again, A is untouched."""
    _group(daemon, strategy="rest-for-one")
    old = _trio(daemon, tmp_path)
    os.kill(old["b"], signal.SIGKILL)
    _replaced(daemon, "c", old)
    assert daemon.pid("b") != old["b"]
    assert daemon.pid("a") == old["a"]
    assert _started(tmp_path / "b") < _started(tmp_path / "c")
    assert sorted(daemon.processes().values()) == ["a", "b", "c"]


def test_one_for_all_restarts_all(daemon, tmp_path: Path) -> None:
    """S31: C is killed: all three are replaced, in order."""
    _group(daemon, strategy="one-for-all")
    old = _trio(daemon, tmp_path)
    os.kill(old["c"], signal.SIGKILL)
    for name in ("a", "b", "c"):
        _replaced(daemon, name, old)
    assert _started(tmp_path / "a") < _started(tmp_path / "b") < _started(tmp_path / "c")
    assert sorted(daemon.processes().values()) == ["a", "b", "c"]


def test_above_the_limit_of_the_group_it_stays_down(daemon, tmp_path: Path) -> None:
    """S31: the group's own limit acts: the failed one is FATAL with the reason, the others are stopped."""
    _group(daemon, strategy="one-for-all", limit=1)
    old = _trio(daemon, tmp_path)
    os.kill(old["b"], signal.SIGKILL)
    for name in ("a", "b", "c"):
        _replaced(daemon, name, old)
    os.kill(daemon.pid("b"), signal.SIGKILL)
    fatal = daemon.until("b", "FATAL")
    assert "the group g failed more than 1 times" in fatal["reason"]
    daemon.until("a", "STOPPED")
    daemon.until("c", "STOPPED")
    assert not daemon.processes()


def test_without_a_strategy_only_the_dead_one_is_replaced(daemon, tmp_path: Path) -> None:
    """S31: one-for-one is the default."""
    old = _trio(daemon, tmp_path)
    os.kill(old["b"], signal.SIGKILL)
    _replaced(daemon, "b", old)
    assert (daemon.pid("a"), daemon.pid("c")) == (old["a"], old["c"])


def test_a_rolling_restart_never_takes_two_down(daemon) -> None:
    """S41: four instances, at any moment at least three are ready; all four are new at the end."""
    daemon.service("w", "ready", instances=4)
    daemon.start()
    names = ["w", "w-2", "w-3", "w-4"]
    old = {name: daemon.until(name, "RUNNING")["pid"] for name in names}
    ready = set(names)
    lowest = 4
    with daemon.client() as listener, daemon.client() as client:
        events = listener.events()
        next(events)
        assert client.rolling_restart("w") == {"done": names, "failed": ""}
        for _ in range(16):
            event = next(one for one in events if one["kind"] == "state")
            (ready.add if event["ready"] else ready.discard)(event["name"])
            lowest = min(lowest, len(ready))
    assert lowest == 3
    assert all(daemon.pid(name) not in {0, old[name]} for name in names)


def test_a_rolling_restart_stops_at_the_first_that_fails(daemon, tmp_path: Path) -> None:
    """S41: the new instance is not ready: the others are left alone, and it is said."""
    good = tmp_path / "good"
    good.touch()
    daemon.service(
        "w", f"exit-unless={good}", "ready", instances=4, backoff_initial_s=20, backoff_max_s=20, stable_s=0.0
    )
    daemon.start()
    names = ["w", "w-2", "w-3", "w-4"]
    old = {name: daemon.until(name, "RUNNING")["pid"] for name in names}
    good.unlink()
    with daemon.client() as client:
        assert client.rolling_restart("w") == {"done": [], "failed": "w"}
    assert {name: daemon.pid(name) for name in names[1:]} == {name: old[name] for name in names[1:]}
    assert "3 were left alone" in daemon.until_alert("rolling.w")["detail"]


def test_scaling_keeps_the_survivors_and_ends_the_newest(daemon) -> None:
    """S43: from 1 to 4 to 2; the survivors keep their pid."""
    daemon.service("w", "environment=CRYPTOBOT_INSTANCE", "ready")
    first = daemon.start().until("w", "RUNNING")["pid"]
    with daemon.client() as client:
        assert [step["service"] for step in client.scale("w", 4)] == ["w-2", "w-3", "w-4"]
        pids = {name: daemon.until(name, "RUNNING")["pid"] for name in ("w", "w-2", "w-3", "w-4")}
        assert pids["w"] == first
        assert {step["service"] for step in client.scale("w", 2)} == {"w-3", "w-4"}
    for name in ("w-3", "w-4"):
        daemon.wait_dead(pids[name], 2.0)
    assert sorted(daemon.processes().items()) == sorted([(pids["w"], "w"), (pids["w-2"], "w-2")])


def test_hooks_run_before_the_start_and_after_the_stop(daemon, tmp_path: Path) -> None:
    """Commands around a service: in order, in its environment."""
    path = tmp_path / "order"
    daemon.service(
        "h",
        f"log-stop={path},stopped",
        "ready",
        before_start=["/bin/sh", "-c", f"echo before $CRYPTOBOT_SERVICE >> {path}"],
        after_stop=["/bin/sh", "-c", f"echo after >> {path}"],
    )
    daemon.start().until("h", "RUNNING")
    with daemon.client() as client:
        client.stop("h")
    assert path.read_text(encoding="ascii").splitlines() == ["before h", "stopped", "after"]


def test_a_failed_preparation_is_a_failed_start(daemon, tmp_path: Path) -> None:
    """The service is not spawned, and the reason names the command."""
    daemon.service("h", f"count={tmp_path / 'ran'}", "ready", before_start=["/bin/false"], restart_limit=1)
    daemon.start()
    assert daemon.until("h", "FATAL")["reason"].startswith(
        "/bin/false, which runs before it, ended with exit code 1"
    )
    assert not (tmp_path / "ran").exists()
