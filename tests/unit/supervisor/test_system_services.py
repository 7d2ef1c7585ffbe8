"""CryptoBot as a service of systemd, launchd and Windows: files as they are, commands as recorded calls."""

import os
import plistlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptobot.configs.errors import CryptoBotError, UsageError
from cryptobot.configs.paths import Home
from cryptobot.configs.programfolder import FOLDER_VARIABLE
from cryptobot.supervisor.cli.main import run
from cryptobot.supervisor.platform.services import windows_host
from cryptobot.supervisor.platform.services.base import Installation, Outcome, ServiceManager, run_command
from cryptobot.supervisor.platform.services.launchd import Launchd
from cryptobot.supervisor.platform.services.systemd import Systemd
from cryptobot.supervisor.platform.services.windows import WindowsService

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")


class Recorder:
    """Runs nothing; remembers commands and answers with `codes` (0 where there is none)."""

    def __init__(self, **codes: int) -> None:
        self.calls: list[list[str]] = []
        self._codes = codes

    def __call__(self, words: list[str]) -> Outcome:
        self.calls.append(words)
        code = next((code for word, code in self._codes.items() if word in words), 0)
        return Outcome(code, "no such luck" if code else "")


def _what(tmp_path: Path, *, user: str = "", home: str = "a home") -> Installation:
    return Installation("cryptobot", Home(tmp_path / home), [sys.executable, "-m", "cryptobot"], user)


def _systemd(tmp_path: Path, recorder: Recorder, **changed: object) -> Systemd:
    options = {"whole_machine": False, "folder": tmp_path / "units", "booted": tmp_path, **changed}
    return Systemd(_what(tmp_path), runner=recorder, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", ["--user", "--system"])
def test_systemd_accepts_the_unit(tmp_path: Path, scope: str) -> None:
    """systemd-analyze verify has nothing to say about either unit, blanks and percent signs included."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    home = Home(tmp_path / "a 100% home")
    home.root.mkdir()
    what = Installation("cryptobot", home, [sys.executable, "-m", "cryptobot"], "root")
    unit = Systemd(what, whole_machine=scope == "--system", runner=Recorder(), folder=tmp_path)
    unit.path.write_text(unit.definition(), encoding="utf-8")

    words = ["systemd-analyze", scope, "verify", "--man=no", "--recursive-errors=no", str(unit.path)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_the_services_to_the_supervisor(tmp_path: Path) -> None:
    """systemd ends and restarts the supervisor alone, so that the next one adopts what trades on."""
    lines = _systemd(tmp_path, Recorder()).definition().splitlines()

    assert {"Type=notify", "WatchdogSec=30", "Restart=on-failure", "KillMode=process"} < set(lines)
    assert {"OOMPolicy=continue", "NoNewPrivileges=yes", "RestartPreventExitStatus=2"} < set(lines)
    assert not [line for line in lines if line.startswith(("ProtectSystem", "PrivateTmp", "User="))]


def test_a_program_that_updates_itself_may_write_its_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The starts of a new version are counted there, also in a unit of the machine."""
    folder = tmp_path / "program"
    (folder / "versions").mkdir(parents=True)
    (folder / "current").write_text("1.0", encoding="ascii")
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    unit = Systemd(_what(tmp_path, user="ann"), whole_machine=True, runner=Recorder(), folder=tmp_path)

    [writable] = [line for line in unit.definition().splitlines() if line.startswith("ReadWritePaths=")]
    assert f'"{folder}"' in writable or str(folder) in writable.split()


def test_a_unit_of_the_machine_is_shut_in(tmp_path: Path) -> None:
    """Everything but the home is read-only, and it runs as the home's owner."""
    unit = Systemd(_what(tmp_path, user="ann"), whole_machine=True, runner=Recorder(), folder=tmp_path)
    lines = unit.definition().splitlines()

    assert {"ProtectSystem=strict", "User=ann", "WantedBy=multi-user.target"} < set(lines)
    [writable] = [line for line in lines if line.startswith("ReadWritePaths=")]
    assert writable.startswith(f'ReadWritePaths="{tmp_path / "a home"}"')


def test_a_home_outside_of_tmp_gets_a_tmp_of_its_own() -> None:
    """One in the shared folder would be hidden from its own service."""
    for root, private in (("/srv/bot", "yes"), ("/tmp/bot", "no"), ("/srv/" + "long" * 30, "no")):
        what = Installation("cryptobot", Home(Path(root)), ["/usr/bin/cryptobot"], "ann")
        unit = Systemd(what, whole_machine=True, runner=Recorder())

        assert f"PrivateTmp={private}" in unit.definition().splitlines()


def test_a_unit_is_written_enabled_and_started(tmp_path: Path) -> None:
    """The calls of systemctl are those of one user; installing again is an update."""
    recorder = Recorder()
    unit = _systemd(tmp_path, recorder)
    unit.check()
    unit.install()
    told = unit.install()

    assert unit.path.read_text(encoding="utf-8") == unit.definition()
    once = [["daemon-reload"], ["enable", "cryptobot.service"], ["restart", "cryptobot.service"]]
    assert recorder.calls == [["systemctl", "--user", *words] for words in [*once, *once]]
    assert "enable-linger" in told[1]


def test_a_rehearsal_names_each_step_and_does_nothing(tmp_path: Path) -> None:
    """Files and commands in order, on systemd, launchd and Windows; another home's unit is refused."""
    recorder, folder = Recorder(query=1060), tmp_path / "l"
    agent = Launchd(_what(tmp_path), whole_machine=False, runner=recorder, folder=folder, user_id=501)
    service = WindowsService(_what(tmp_path), runner=recorder, is_administrator=lambda: True)

    assert _systemd(tmp_path, recorder).rehearse() == [
        f"would write  {tmp_path / 'units' / 'cryptobot.service'}",
        "would run    systemctl --user daemon-reload",
        "would run    systemctl --user enable cryptobot.service",
        "would run    systemctl --user restart cryptobot.service",
    ]
    assert agent.rehearse()[1] == "would run    launchctl bootout gui/501/org.cryptobot.daemon"
    assert service.rehearse()[-1] == "would run    sc.exe start cryptobot"
    assert recorder.calls == [["sc.exe", "query", "cryptobot"]]
    assert list(tmp_path.iterdir()) == []


def test_a_service_is_installed_without_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real systemctl enables and disables the unit of a user where no systemd runs, as in an image."""
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not installed")
    monkeypatch.setenv("SYSTEMD_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    what = replace(_what(tmp_path), start=False)
    unit = Systemd(what, whole_machine=False, runner=run_command, booted=tmp_path / "absent")
    unit.check()

    assert "starts when you log in" in unit.install()[0]
    wanted = tmp_path / "config" / "systemd" / "user" / "default.target.wants" / "cryptobot.service"
    assert wanted.resolve() == unit.path
    unit.uninstall()
    assert not unit.path.exists() and not wanted.is_symlink()


def test_a_unit_is_stopped_and_removed(tmp_path: Path) -> None:
    """The home stays; a second time there is nothing to remove."""
    recorder = Recorder()
    unit = _systemd(tmp_path, recorder, whole_machine=True)
    unit.install()
    recorder.calls.clear()
    unit.uninstall()

    assert recorder.calls == [
        ["systemctl", "disable", "--now", "cryptobot.service"],
        ["systemctl", "daemon-reload"],
    ]
    assert not unit.path.exists()
    with pytest.raises(UsageError, match=r"There is no service cryptobot"):
        unit.uninstall()


def test_another_homes_unit_is_not_overwritten(tmp_path: Path) -> None:
    """The sentence names the way out."""
    _systemd(tmp_path, Recorder()).install()
    other = Systemd(
        _what(tmp_path, home="other"), whole_machine=False, runner=Recorder(), folder=tmp_path / "units"
    )

    with pytest.raises(UsageError, match="--name NAME"):
        other.install()


def test_what_systemctl_says_is_told(tmp_path: Path) -> None:
    """A failing command ends the installation with its own words."""
    with pytest.raises(CryptoBotError, match=r"systemctl --user enable .* code 5: no such luck"):
        _systemd(tmp_path, Recorder(enable=5)).install()


def test_without_systemd_nothing_is_installed(tmp_path: Path) -> None:
    """Nor without root for a service of the machine."""
    with pytest.raises(CryptoBotError, match="systemd does not run this machine"):
        _systemd(tmp_path, Recorder(), booted=tmp_path / "absent").check()


def test_a_service_of_the_machine_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both systemd and launchd say so before anything is written."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    managers: list[ServiceManager] = [
        _systemd(tmp_path, Recorder(), whole_machine=True),
        Launchd(_what(tmp_path), whole_machine=True, runner=Recorder(), folder=tmp_path, user_id=501),
    ]
    for manager in managers:
        with pytest.raises(UsageError, match="needs root"):
            manager.check()


def test_launchd_gets_a_property_list(tmp_path: Path) -> None:
    """It parses, restarts after failures only, and leaves the services alone when the supervisor dies."""
    recorder = Recorder()
    agent = Launchd(_what(tmp_path), whole_machine=False, runner=recorder, folder=tmp_path / "l", user_id=501)
    agent.install()
    found = plistlib.loads(agent.path.read_bytes())

    assert found["ProgramArguments"][-3:] == ["--home", str(tmp_path / "a home"), "up"]
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["AbandonProcessGroup"] is True
    assert "UserName" not in found
    assert recorder.calls == [
        ["launchctl", "bootout", "gui/501/org.cryptobot.daemon"],
        ["launchctl", "bootstrap", "gui/501", str(agent.path)],
    ]
    agent.uninstall()
    assert recorder.calls[2:] == [["launchctl", "bootout", "gui/501/org.cryptobot.daemon"]]
    assert not agent.path.exists()


def test_windows_is_asked_by_sc(tmp_path: Path) -> None:
    """The service is made, told to restart after failures, and started; the path is one word."""
    recorder = Recorder(query=1060)
    service = WindowsService(
        _what(tmp_path), runner=recorder, is_administrator=lambda: True
    )
    service.check()
    service.install()

    assert [words[1] for words in recorder.calls] == [
        "query", "create", "description", "failure", "failureflag", "start",
    ]  # fmt: skip
    create = recorder.calls[1]
    assert create[2:4] == ["cryptobot", "binPath="]
    assert create[4].endswith(f'service host cryptobot "{tmp_path / "a home"}"')
    assert create[5:7] == ["start=", "delayed-auto"]


def test_windows_removes_what_does_not_run(tmp_path: Path) -> None:
    """Code 1062 (not started) is no failure; a service that is there is not made a second time."""
    recorder = Recorder(stop=1062)
    service = WindowsService(_what(tmp_path), runner=recorder, is_administrator=lambda: True)
    service.uninstall()

    assert recorder.calls[1:] == [["sc.exe", "stop", "cryptobot"], ["sc.exe", "delete", "cryptobot"]]
    with pytest.raises(UsageError, match="already"):
        service.install()
    with pytest.raises(UsageError, match="administrator"):
        WindowsService(_what(tmp_path), runner=recorder, is_administrator=lambda: False).check()


def test_the_windows_host_tells_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running while the platform runs; a failure of the platform is one of the service."""
    monkeypatch.setattr(windows_host, "program", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    told: list[tuple[int, int, int]] = []
    host = windows_host.Host(
        "h", lambda status: told.append((status.state, status.exit_code, status.specific_code))
    )

    assert host.run() == 3
    assert told == [(4, 0, 0), (1, 1066, 3)]


def test_the_windows_host_stops_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop of the service is `cryptobot down`, after which the platform ends with 0."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = (
        "import sys; home, word = sys.argv[2:4]\n"
        "open(home, 'rb').read() if word == 'up' else open(home, 'wb').close()"
    )
    monkeypatch.setattr(windows_host, "program", lambda: [sys.executable, "-c", script])
    told: list[int] = []
    host = windows_host.Host(str(gate), lambda status: told.append(status.state))
    host.control(1)

    assert host.run() == 0
    assert told == [3, 4, 1]


def test_a_missing_program_is_an_outcome(tmp_path: Path) -> None:
    """What really runs commands keeps their words and never raises for them."""
    assert run_command([str(tmp_path / "none")]).code == 127
    assert run_command([sys.executable, "-c", "print('hello')"]) == Outcome(0, "hello\n")


def test_what_shall_not_start_by_itself_is_not_enabled(tmp_path: Path) -> None:
    """With --no-autostart each service manager is told so, and the service runs all the same."""
    recorder = Recorder(query=1060)
    what = Installation("cryptobot", Home(tmp_path / "h"), ["cryptobot"], autostart=False)
    folder = tmp_path / "units"
    Systemd(what, whole_machine=False, runner=recorder, folder=folder, booted=tmp_path).install()
    agent = Launchd(what, whole_machine=False, runner=recorder, folder=folder, user_id=501)
    agent.install()
    WindowsService(what, runner=recorder, is_administrator=lambda: True).install()

    assert ["systemctl", "--user", "disable", "cryptobot.service"] in recorder.calls
    assert plistlib.loads(agent.path.read_bytes())["RunAtLoad"] is False
    assert ["launchctl", "kickstart", "gui/501/org.cryptobot.daemon"] in recorder.calls
    assert any(words[1] == "create" and words[6] == "demand" for words in recorder.calls)


def test_each_manager_knows_its_own_home(tmp_path: Path) -> None:
    """A service of the same name that runs another home is not ours."""
    folder = tmp_path / "units"
    for home, ours in (("a home", True), ("other", False)):
        what = _what(tmp_path, home=home)
        unit = Systemd(what, whole_machine=False, runner=Recorder(), folder=folder, booted=tmp_path)
        agent = Launchd(what, whole_machine=False, runner=Recorder(), folder=folder, user_id=501)
        if ours:
            unit.install()
            agent.install()
        said = Outcome(0, f"BINARY_PATH_NAME: {str(tmp_path / 'a home').upper()}")
        service = WindowsService(what, runner=lambda _words, said=said: said)
        assert [unit.is_ours(), agent.is_ours(), service.is_ours()] == [ours] * 3


def test_print_installs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file goes to stdout; the home is not even made."""
    home = tmp_path / "h"

    assert run(["service", "install", "--print", "--home", str(home)]) == 0
    assert str(home) in capsys.readouterr().out
    assert not home.exists()


def test_a_machines_service_needs_a_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its owner is who runs the service."""
    assert run(["service", "install", "--system", "--print", "--home", str(tmp_path / "h")]) == 2
    assert "does not exist yet" in capsys.readouterr().err
