"""S12, S13, S10, S33, S28: dependencies, cycles, and configuration that changes."""

from pathlib import Path

import pytest


def test_a_wanted_service_that_does_not_exist_is_done_without(daemon) -> None:
    """S12: B wants C, C is missing: B starts and says so; A, which requires B, starts after it."""
    daemon.service("a", "ready", requires=["b"])
    daemon.service("b", "ready", wants=["c"])
    daemon.start().until("a", "RUNNING")
    assert daemon.status("b")["reason"] == "runs without c, which does not exist"


def test_a_requirement_is_waited_for_until_it_is_ready(daemon, tmp_path: Path) -> None:
    """S12: not its pid but its readiness counts."""
    daemon.service("base", "sleep=0.5", f"count={tmp_path / 'base'}", "ready")
    daemon.service("top", f"count={tmp_path / 'top'}", "ready", requires=["base"])
    daemon.start().until("top", "RUNNING")
    moments = {
        name: float((tmp_path / name).read_text(encoding="ascii").split()[1]) for name in ("base", "top")
    }
    assert moments["top"] > moments["base"]


@pytest.mark.parametrize(
    ("services", "sentence"),
    [
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "Services wait for each other: a > b > c > a"),
        ({"alpha": ["betta"], "beta": []}, "requires 'betta', which does not exist; did you mean 'beta'?"),
        ({"self": ["self"]}, "self > self"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_before_anything_starts(
    daemon, tmp_path: Path, services: dict[str, list[str]], sentence: str
) -> None:
    """S13: the path of the cycle is printed, an unknown name gets the nearest one."""
    for name, requires in services.items():
        daemon.service(name, f"count={tmp_path / 'started'}", "ready", requires=requires)
    assert sentence in daemon.launch()
    assert daemon.process is not None
    assert daemon.process.wait(45) == 2
    assert not (tmp_path / "started").exists()


def test_a_name_used_twice_is_refused(daemon) -> None:
    """S13: the file is named."""
    daemon.service("a", "ready")
    text = (daemon.home.root / "services.d" / "a.json").read_text(encoding="utf-8")
    (daemon.home.root / "services.d" / "b.json").write_text(text, encoding="utf-8")
    said = daemon.launch()
    assert "b.json: the name 'a' is taken" in said


def test_a_reload_restarts_exactly_what_changed_and_shows_the_plan_first(daemon) -> None:
    """S10: one of five is changed; four keep their pid."""
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        daemon.service(name, "ready")
    daemon.start()
    before = {name: daemon.until(name, "RUNNING")["pid"] for name in names}
    daemon.service("c", "ready", environment={"COLOUR": "red"})
    with daemon.client() as client:
        plan = client.plan("reload")
        assert plan == [{"service": "c", "action": "restart", "why": "changed: environment"}]
        assert {name: daemon.pid(name) for name in names} == before
        assert client.reload() == plan
    after = {
        name: daemon.until(name, lambda one: one["state"] == "RUNNING")["pid"]
        for name in names
        if name != "c"
    }
    assert after == {name: pid for name, pid in before.items() if name != "c"}
    daemon.until("c", lambda one: one["state"] == "RUNNING" and one["pid"] != before["c"])


def test_a_reload_takes_new_services_and_ends_removed_ones(daemon) -> None:
    """S10: the rest is not touched."""
    daemon.service("keep", "ready")
    daemon.service("old", "ready")
    daemon.start()
    kept, old = daemon.until("keep", "RUNNING")["pid"], daemon.until("old", "RUNNING")["pid"]
    (daemon.home.root / "services.d" / "old.json").unlink()
    daemon.service("new", "ready", requires=["keep"])
    with daemon.client() as client:
        actions = {(step["service"], step["action"]) for step in client.reload()}
    assert actions == {("old", "remove"), ("new", "start")}
    daemon.until("new", "RUNNING")
    daemon.wait_dead(old, 2.0)
    assert daemon.pid("keep") == kept


def test_a_reload_of_a_broken_file_changes_nothing(daemon) -> None:
    """S33: the old configuration runs on; the error names file and line."""
    daemon.service("a", "ready")
    pid = daemon.start().until("a", "RUNNING")["pid"]
    bad = daemon.home.root / "services.d" / "bad.yaml"
    bad.write_text("name: bad\ncommand: [sleep\nrequires: x\n", encoding="utf-8")
    from cryptobot.configs.errors import SettingsError

    with daemon.client() as client, pytest.raises(SettingsError, match=r"bad\.yaml, line 3"):
        client.reload()
    bad.write_text("name: bad\ncommand: [sleep, '1']\nrestat: never\n", encoding="utf-8")
    with daemon.client() as client, pytest.raises(SettingsError, match=r"bad\.yaml.*restat"):
        client.reload()
    assert (daemon.status("a")["pid"], daemon.status("a")["state"]) == (pid, "RUNNING")


def test_a_running_child_is_unharmed_by_new_program_files(daemon, tmp_path: Path) -> None:
    """S28: the running one goes on; the next start uses the new file."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho old\nexec sleep 1000\n", encoding="ascii")
    program.chmod(0o755)
    daemon.service("p", command=[str(program)])
    pid = daemon.start().until("p", "RUNNING")["pid"]
    daemon.until_log("p", "old\n")
    newer = tmp_path / "newer"
    newer.write_text("#!/bin/sh\necho new\nexec sleep 1000\n", encoding="ascii")
    newer.chmod(0o755)
    newer.replace(program)
    assert daemon.alive(pid)
    with daemon.client() as client:
        client.restart("p")
    assert daemon.until_log("p", "new\n").split() == ["old", "new"]
