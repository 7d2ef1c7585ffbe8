"""`cryptobot export`: what is written, who may read it, and what the checkers of others say of it."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import kubernetes_validate
import pytest
import yaml
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli.main import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")
DATABASE = "postgresql://bot@db.example/bot"
HOSTS = {
    "core": "10.0.0.1/bus,auth,monitor",
    "market": "10.0.0.2/paper,data",
    "money": "10.0.0.3:7800/trade,strategy",
    "front": "10.0.0.4/dashboard",
}


def _export(tmp_path: Path, kind: str, *words: str, hosts: dict[str, str] | None = None) -> int:
    given = [f"--host={name}={where}" for name, where in (HOSTS if hosts is None else hosts).items()]
    command = ["export", kind, "--out", str(tmp_path / "out"), "--database", DATABASE, *given, *words]
    return run(["--home", str(tmp_path / "home"), *command])


def _secrets_of(out: Path) -> set[str]:
    """The secret halves of all keys that were written."""
    found = [json.loads(path.read_bytes()) for path in out.rglob("keys/bus/*.json")]
    return {one["secret"] for one in found}


def test_each_machine_has_settings_that_hold(tmp_path: Path) -> None:
    """config.yaml of each machine says which one it is, where it listens and where the database is."""
    assert _export(tmp_path, "systemd") == 0

    for name in HOSTS:
        settings = load(Home(tmp_path / "out" / name / "home")).settings
        assert settings.machines.here == name
        assert list(settings.machines.hosts) == list(HOSTS)
        assert settings.bus.host == settings.machines.hosts[name].address
        assert settings.database.url == DATABASE
    assert settings.machines.hosts["money"].port == 7800
    assert settings.dashboard.host == "10.0.0.4"


def test_a_secret_key_is_on_its_machine_alone(tmp_path: Path) -> None:
    """Others get the public half; every file of keys has the mode 0600 and every folder 0700."""
    assert _export(tmp_path, "systemd") == 0
    out = tmp_path / "out"

    secret = json.loads((out / "money/home/keys/bus/trade.json").read_bytes())
    for name in set(HOSTS) - {"money"}:
        told = json.loads((out / name / "home/keys/bus/money/trade.json").read_bytes())
        assert told == {"public": secret["public"]}
        assert not (out / name / "home/keys/bus/trade.json").exists()
    for path in out.rglob("keys/bus/**/*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    supervisors = {(out / name / "home/keys/bus/supervisor.json").read_bytes() for name in HOSTS}
    assert len(supervisors) == len(HOSTS)


@pytest.mark.parametrize("kind", ["systemd", "nomad", "kubernetes"])
def test_units_hold_no_key(tmp_path: Path, kind: str) -> None:
    """What everybody may read has no secret in it, neither plain nor in base64."""
    assert _export(tmp_path, kind, *(["--image", "example/bot:1"] if kind == "kubernetes" else [])) == 0

    out = tmp_path / "out"
    secrets = _secrets_of(out)
    assert secrets
    for path in (path for path in out.rglob("*") if path.is_file()):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            assert not [one for one in secrets if one in path.read_text()], path
            assert "BEGIN" not in path.read_text()


def test_a_second_export_keeps_the_keys(tmp_path: Path) -> None:
    """A machine that is added changes no key that others have; its own are made."""
    first = {name: where for name, where in HOSTS.items() if name != "front"}
    assert _export(tmp_path, "systemd", hosts=first | {"core": "10.0.0.1/bus,auth,monitor,dashboard"}) == 0
    before = (tmp_path / "out/money/home/keys/bus/trade.json").read_bytes()
    assert _export(tmp_path, "systemd") == 0

    assert (tmp_path / "out/money/home/keys/bus/trade.json").read_bytes() == before
    assert (tmp_path / "out/money/home/keys/bus/front/dashboard.json").exists()


def test_systemd_accepts_the_exported_unit(tmp_path: Path) -> None:
    """systemd-analyze verify has nothing to say about it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    there = tmp_path / "there"
    there.mkdir()
    assert (
        _export(tmp_path, "systemd", f"--program={sys.executable}", "--user=root", f"--home-there={there}")
        == 0
    )

    unit = tmp_path / "out" / "money" / "cryptobot.service"
    words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"--home {there} up" in unit.read_text()


def test_the_steps_name_the_ports(tmp_path: Path) -> None:
    """INSTALL.txt says what the firewall has to let through, and for whom."""
    assert _export(tmp_path, "systemd") == 0

    steps = (tmp_path / "out/core/INSTALL.txt").read_text()
    for port, place in (
        (7700, "supervisor"),
        (7704, "bus"),
        (7706, "bus-in"),
        (7707, "bus-out"),
        (7708, "auth"),
    ):
        assert f"  {port}  {place}\n" in steps
    assert "secret set database.password" in steps


def test_the_job_of_nomad_is_well_formed(tmp_path: Path) -> None:
    """HCL's own parser reads a group for each machine, bound to its node, stopped with patience."""
    assert _export(tmp_path, "nomad") == 0

    job = hcl2.load(io.StringIO((tmp_path / "out/cryptobot.nomad.hcl").read_text()))["job"][0]
    [content] = job.values()
    groups = {_plain(name): group for one in content["group"] for name, group in one.items()}
    assert set(groups) == set(HOSTS)
    money = groups["money"]
    assert money["count"] == 1
    assert _plain(money["constraint"][0]["value"]) == "money"
    [task] = money["task"][0].values()
    assert [_plain(word) for word in task["config"][0]["args"]] == ["--home", "/var/lib/cryptobot", "up"]
    assert _plain(task["kill_timeout"]) == "90s"
    ports = [port["static"] for one in money["network"][0]["port"] for port in one.values()]
    assert ports == [7800, 7804, 7808]


def _plain(value: object) -> str:
    """The parser keeps quotes in some versions."""
    return str(value).strip('"')


def test_the_objects_of_kubernetes_fit_its_schema(tmp_path: Path) -> None:
    """Each object is valid for a recent release; a machine is one pod that is found by its name."""
    words = ["--host=core/bus,auth,monitor", "--host=rest/paper,data,trade,strategy,dashboard"]
    assert _export(tmp_path, "kubernetes", "--image", "registry.example/bot:1", *words, hosts={}) == 0

    units = list(yaml.safe_load_all((tmp_path / "out/cryptobot.yaml").read_text()))
    secrets = list(yaml.safe_load_all((tmp_path / "out/keys.secret.yaml").read_text()))
    for one in units + secrets:
        kubernetes_validate.validate(one, "1.30", strict=True)
    assert [one["kind"] for one in units] == ["ConfigMap", "Service", "StatefulSet"] * 2
    assert stat.S_IMODE((tmp_path / "out/keys.secret.yaml").stat().st_mode) == 0o600
    pods = [one["spec"]["template"]["spec"] for one in units if one["kind"] == "StatefulSet"]
    for pod, secret in zip(pods, secrets, strict=True):
        assert {item["key"] for item in pod["volumes"][1]["secret"]["items"]} == set(secret["data"])
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    settings: Any = yaml.safe_load(units[0]["data"]["config.yaml"])
    assert settings["machines"]["hosts"]["rest"]["address"] == "cryptobot-rest"


@pytest.mark.parametrize(
    ("hosts", "sentence"),
    [
        ({}, "Say which service runs where"),
        ({"a": "10.0.0.1/bus"}, "is enabled and on no machine"),
        ({**HOSTS, "front": "10.0.0.4/dashboard,bus"}, "a service runs on one machine"),
        ({**HOSTS, "front": "10.0.0.4/dashboard,dashbord"}, "There is no service dashbord"),
        ({**HOSTS, "front": "10.0.0.4/dashboard,risk"}, "on a machine and not enabled"),
        ({**HOSTS, "front": "10.0.0.4"}, "is not understood"),
        ({**HOSTS, "front": "::1/dashboard"}, "is not understood"),
        ({**HOSTS, "Front!": "10.0.0.5/bus"}, "cannot be a machine's name"),
    ],
)
def test_what_cannot_work_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hosts: dict[str, str], sentence: str
) -> None:
    """One sentence says what is wrong, and nothing is written."""
    assert _export(tmp_path, "systemd", hosts=hosts) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_database_that_all_can_reach_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite is a file of one machine: without PostgreSQL nothing is exported."""
    hosts = [f"--host={name}={where}" for name, where in HOSTS.items()]
    assert run(["--home", str(tmp_path), "export", "systemd", "--out", str(tmp_path / "out"), *hosts]) == 2
    assert "share one PostgreSQL" in capsys.readouterr().err


def test_the_json_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines with their ports, and files with whether they are secret."""
    assert _export(tmp_path, "systemd", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["machines"]["market"]["ports"] == [7700, 7704, 7707, 7708, 7709]
    assert {Path(one["path"]).name for one in told["files"] if not one["secret"]} == {
        "config.yaml", "cryptobot.service", "INSTALL.txt"
    }  # fmt: skip
