"""Plans, groups, add-ons, hooks and audit: what people ask of the supervisor over the control socket."""

import getpass
import json
import os
import signal
from pathlib import Path

import pytest
from cryptobot.configs.errors import SettingsError, UsageError


def _steps(steps: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(step["service"], step["action"]) for step in steps]


def _asked(daemon) -> list[dict[str, object]]:
    return [line for line in daemon.journal() if line["event"] == "asked"]


def test_a_group_is_stopped_started_and_restarted_as_one(daemon) -> None:
    """Members alone are touched, in the order of their needs."""
    daemon.service("a", "ready", group="g")
    daemon.service("b", "ready", group="g", requires=["a"])
    daemon.service("c", "ready")
    daemon.start()
    before = {name: daemon.until(name, "RUNNING")["pid"] for name in "abc"}
    with daemon.client() as client:
        assert _steps(client.plan("stop", group="g")) == [("b", "stop"), ("a", "stop")]
        stopped = client.stop(group="g")
        assert [one["state"] for one in stopped["services"]] == ["STOPPED", "STOPPED"]
        assert _steps(client.plan("start", group="g")) == [("a", "start"), ("b", "start")]
        assert client.start(group="g")["ready"]
        again = {one["name"]: one["pid"] for one in client.status()["services"]}
        assert client.restart(group="g")["ready"]
        with pytest.raises(UsageError, match="did you mean 'g'"):
            client.restart(group="gg")
        with pytest.raises(UsageError, match="not both"):
            client.restart("a", group="g")
    after = {name: daemon.pid(name) for name in "abc"}
    assert after["c"] == before["c"]
    assert len({before["a"], again["a"], after["a"]}) == 3


def test_every_action_is_planned_before_it_is_done(daemon, tmp_path: Path) -> None:
    """A plan names each step with its reason, and changes nothing."""
    daemon.service("a", "ready")
    daemon.service("w", "ready", instances=2, requires=["a"])
    daemon.start()
    pids = {name: daemon.until(name, "RUNNING")["pid"] for name in ("a", "w", "w-2")}
    new = {"name": "n", "command": ["/bin/true"], "requires": ["w"]}
    with daemon.client() as client:
        assert _steps(client.plan("restart", "a")) == [("a", "restart")]
        assert _steps(client.plan("rolling", "w")) == [("w", "restart"), ("w-2", "restart")]
        assert _steps(client.plan("scale", "w", count=3))[-1] == ("w-3", "start")
        assert _steps(client.plan("add", manifest=new)) == [("n", "start")]
        assert _steps(client.plan("remove", "w"))[0] == ("w-2", "remove")
        assert _steps(client.plan("shutdown"))[-1] == ("a", "stop")
        assert client.plan("reload") == []
        with pytest.raises(UsageError, match="no plan for 'dance'"):
            client.plan("dance")
    assert {name: daemon.pid(name) for name in pids} == pids
    assert not (daemon.home.root / "services.d" / "n.json").exists()


def test_a_service_is_added_and_removed_while_the_others_run(daemon, tmp_path: Path) -> None:
    """It is kept in services.d, started at once, discovered, and on removal stopped with its grace."""
    told = tmp_path / "told"
    daemon.service("a", "ready")
    before = daemon.start().until("a", "RUNNING")["pid"]
    manifest = {
        "name": "extra",
        "command": daemon.child("ready", f"log-stop={told},extra"),
        "requires": ["a"],
    }
    with daemon.client() as client:
        assert _steps(client.add(manifest)) == [("extra", "start")]
        daemon.until("extra", "RUNNING")
        found = {one["name"]: one for one in client.discover()}
        assert (found["extra"]["kind"], found["extra"]["requires"]) == ("add-on", ["a"])
        with pytest.raises(UsageError, match="There is a service 'extra' already"):
            client.add(manifest)
        with pytest.raises(SettingsError, match="requires 'b', which does not exist; known are"):
            client.add({"name": "x", "command": ["/bin/true"], "requires": ["b"]})
        with pytest.raises(SettingsError, match=r"requires 'a', which does not exist"):
            client.remove("a")
        with pytest.raises(UsageError, match="is a part of CryptoBot"):
            client.remove("trade")
        pid = daemon.pid("extra")
        assert _steps(client.remove("extra")) == [("extra", "remove")]
        daemon.wait_dead(pid)
        assert [one["name"] for one in client.discover() if one["name"] == "extra"] == []
    assert told.read_text(encoding="ascii") == "extra\n"
    assert not (daemon.home.root / "services.d" / "extra.json").exists()
    assert daemon.pid("a") == before


def test_an_added_service_is_there_after_a_restart_of_the_daemon(daemon) -> None:
    """Its manifest is a file of the home."""
    daemon.start()
    with daemon.client() as client:
        client.add({"name": "extra", "command": daemon.child("ready")})
    pid = daemon.until("extra", "RUNNING")["pid"]
    daemon.signal(signal.SIGTERM)
    assert daemon.start().until("extra", "RUNNING")["pid"] != pid


def test_what_a_service_tells_of_itself_is_discovered_and_outlives_the_supervisor(daemon) -> None:
    """Endpoint, epoch and schemas come with its readiness, and are kept for the next supervisor."""
    code = (
        "import os,socket,time;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
        "s.sendto(b'READY=1\\nX_ENDPOINT=tcp://127.0.0.1:5\\nX_EPOCH=7\\nX_SCHEMAS=Ping,ListCandles',"
        "os.environ['NOTIFY_SOCKET']);time.sleep(1000)"
    )
    daemon.service(
        "a", command=["/usr/bin/env", "python3", "-I", "-S", "-c", code], readiness={"kind": "notify"}
    )
    daemon.start().until("a", "RUNNING")

    def seen() -> tuple[object, ...]:
        with daemon.client() as client:
            one = client.discover("a")[0]
        return one["endpoint"], one["epoch"], one["schemas"]

    assert seen() == ("tcp://127.0.0.1:5", 7, ["Ping", "ListCandles"])
    daemon.kill()
    daemon.start().until("a", "RUNNING")
    assert seen() == ("tcp://127.0.0.1:5", 7, ["Ping", "ListCandles"])


def test_every_action_is_in_the_audit_log_with_who_asked(daemon) -> None:
    """Who is what the kernel says, whatever the request claims; refusals are in there too."""
    daemon.service("w", "ready", instances=2)
    daemon.start().until("w-2", "RUNNING")
    with daemon.client() as client:
        client.call("restart", service="w", wait=True, actor="somebody else", uid=12345)
        client.rolling_restart("w")
        client.scale("w", 3)
        client.reload()
        with pytest.raises(UsageError):
            client.stop("nobody")
    daemon.until_true(lambda: len(_asked(daemon)) >= 5, "five lines of the audit log")
    asked = _asked(daemon)
    me = f"cli:{getpass.getuser()}"
    assert [(one["action"], one["about"], one["ok"]) for one in asked] == [
        ("restart", "w", True),
        ("rolling", "w", True),
        ("scale to 3", "w", True),
        ("reload", "", True),
        ("stop", "nobody", False),
    ]
    assert {one["actor"] for one in asked} == {me}


def test_a_second_rolling_restart_of_the_same_is_refused(daemon) -> None:
    """Two at once could take two instances down."""
    daemon.service("w", "slow-stop=1", "ready", instances=2)
    daemon.start().until("w-2", "RUNNING")
    with daemon.client() as first, daemon.client() as second:
        first._send("rolling", {"service": "w"})
        daemon.until("w", "STOPPING")
        with pytest.raises(UsageError, match="is under way"):
            second.rolling_restart("w")
        assert first._reply() == {"done": ["w", "w-2"], "failed": ""}


def test_a_hook_ends_with_the_wish_for_its_service(daemon, tmp_path: Path) -> None:
    """Stopped while its pre-start hook runs: STOPPED at once, the hook is gone, nothing starts later."""
    daemon.service("a", f"count={tmp_path / 'ran'}", before_start=["/bin/sleep", "1000"])
    daemon.start().until(
        "a", lambda one: "runs /bin/sleep first" in one["reason"] or one["state"] == "STARTING"
    )
    daemon.until_process("sleep")
    hook = next(iter(daemon.processes()))
    with daemon.client() as client:
        assert client.stop("a")["services"][0]["state"] == "STOPPED"
    daemon.wait_dead(hook)
    assert daemon.status("a")["state"] == "STOPPED"
    assert not (tmp_path / "ran").exists()


def test_a_hook_does_not_outlive_the_daemon_nor_is_it_taken_for_the_service(daemon, tmp_path: Path) -> None:
    """Its supervisor is killed while the hook runs: the next one starts anew and adopts no hook."""
    daemon.service("a", "ready", before_start=["/bin/sleep", "1000"])
    daemon.start()
    daemon.until_process("sleep")
    hook = next(iter(daemon.processes()))
    daemon.kill()
    daemon.service("a", "ready")
    daemon.start()
    assert daemon.until("a", "RUNNING")["pid"] != hook
    os.kill(hook, signal.SIGKILL)


def test_adopted_services_are_restarted_when_their_settings_changed_meanwhile(daemon) -> None:
    """S4: of two that live on, the one whose manifest changed is restarted, the other keeps its pid."""
    daemon.service("a", "ready")
    daemon.service("b", "ready")
    daemon.start()
    before = {name: daemon.until(name, "RUNNING")["pid"] for name in "ab"}
    daemon.kill()
    daemon.service("b", "ready", environment={"NEW": "1"})
    daemon.start()
    after = daemon.until("b", lambda one: one["state"] == "RUNNING" and one["pid"] != before["b"])
    assert daemon.pid("a") == before["a"]
    assert sorted(daemon.processes()) == sorted([before["a"], after["pid"]])
    told = [line for line in daemon.journal() if line.get("reason", "").startswith("its settings changed")]
    assert {line["name"] for line in told} == {"b"}


@pytest.mark.parametrize("profile", ["paper", "prod"])
def test_a_changed_file_restarts_its_service_alone_but_never_in_prod(
    daemon, tmp_path: Path, profile: str
) -> None:
    """`watch:` in the manifest; the reason names the file."""
    pytest.importorskip("watchfiles")
    code = tmp_path / "code"
    code.mkdir()
    (code / "logic.py").write_text("1\n", encoding="ascii")
    daemon.profile = profile
    daemon.service("a", "ready", watch=[str(code)])
    daemon.service("b", "ready")
    daemon.start()
    before = {name: daemon.until(name, "RUNNING")["pid"] for name in "ab"}
    watches = any(line["event"] == "code is watched" for line in daemon.journal())
    assert watches == (profile != "prod")
    if watches:
        daemon.until_watched(before["a"], code / "logic.py")
        assert daemon.pid("b") == before["b"]
        reasons = [line.get("reason", "") for line in daemon.journal()]
        assert "its code changed: logic.py" in reasons


def test_ctrl_c_before_all_is_ready_is_told_by_the_exit_code(daemon) -> None:
    """1 when a service never became ready, 0 when everything had been."""
    daemon.service("slow", "sleep=1000", readiness={"kind": "notify"})
    daemon.start().until("slow", "STARTING")
    assert daemon.signal(signal.SIGINT) == 1
    daemon.service("slow", "ready")
    daemon.start().until("slow", "RUNNING")
    assert daemon.signal(signal.SIGINT) == 0


def test_the_plan_of_a_start_says_what_is_taken_over(daemon) -> None:
    """Adopt what is unchanged, restart what is not, end what is no longer configured, start the rest."""
    from cryptobot.configs import snapshot
    from cryptobot.supervisor.catalogue.registry import load
    from cryptobot.supervisor.platform.choose import here
    from cryptobot.supervisor.requests.takeover import plan_start

    for name in "abcd":
        daemon.service(name, "ready")
    daemon.start()
    for name in "abcd":
        daemon.until(name, "RUNNING")
    with daemon.client() as client:
        client.stop("d")
    kept = daemon.home.state / "stopped-services.json"
    daemon.until_true(kept.exists, "the wish to stop is written down")
    daemon.kill()
    (daemon.home.root / "services.d" / "c.json").unlink()
    daemon.service("b", "ready", environment={"NEW": "1"})
    daemon.service("e", "ready")
    enabled = [one for one in load(daemon.home, snapshot.read(daemon.home)) if one.enabled]
    steps = [(step.service, step.action) for step in plan_start(daemon.home, enabled, here())]
    assert steps == [("c", "end"), ("a", "adopt"), ("b", "restart"), ("d", "leave"), ("e", "start")]
    assert json.loads(kept.read_bytes()) == ["d"]
    daemon.start()
    daemon.until("e", "RUNNING")
