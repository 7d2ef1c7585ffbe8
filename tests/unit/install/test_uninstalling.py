"""What is taken away, and what never is."""

from pathlib import Path

import pytest
from cryptobot.configs import frozen
from cryptobot.configs.paths import Home
from cryptobot.supervisor.install import origin, uninstalling
from cryptobot.supervisor.install.shortcuts import LinuxShortcuts
from cryptobot.supervisor.platform.services.base import Installation, Outcome
from cryptobot.supervisor.platform.services.systemd import Systemd


def nothing(_words: list[str]) -> Outcome:
    return Outcome(0, "")


def shortcuts(tmp_path: Path) -> LinuxShortcuts:
    return LinuxShortcuts(["cryptobot"], nothing, tmp_path / "share")


def unit(tmp_path: Path, home: Home) -> Systemd:
    what = Installation("cryptobot", home, ["cryptobot"])
    return Systemd(what, whole_machine=False, runner=nothing, folder=tmp_path / "units", booted=tmp_path)


def test_everything_is_found_first(tmp_path: Path, home: Home) -> None:
    """Service, shortcuts, the parts of the home with their sizes, and what is not ours."""
    unit(tmp_path, home).install()
    shortcuts(tmp_path).add()
    (home.state / "x").write_bytes(b"12345")
    (home.root / "notes.txt").write_text("mine")

    plan = uninstalling.look(home, [unit(tmp_path, home)], shortcuts(tmp_path), "kraken")

    assert plan.services == ["cryptobot"]
    assert len(plan.shortcuts) == 4
    assert [(part.files, part.size) for part in plan.parts if part.path == home.state] == [(1, 5)]
    assert [path.name for path in plan.unknown] == ["notes.txt"]


@pytest.mark.parametrize("foreign", [True, False])
def test_deleting_takes_what_is_ours_alone(tmp_path: Path, home: Home, foreign: bool) -> None:
    """A file of the user stays, and the folder with it; else the folder goes, too."""
    unit(tmp_path, home).install()
    if foreign:
        (home.root / "notes.txt").write_text("mine")
    plan = uninstalling.look(home, [unit(tmp_path, home)], shortcuts(tmp_path), "")

    told = uninstalling.carry_out(plan, [unit(tmp_path, home)], shortcuts(tmp_path), delete_data=True)

    assert not unit(tmp_path, home).path.exists()
    assert home.root.exists() is foreign
    if foreign:
        assert [path.name for path in home.root.iterdir()] == ["notes.txt"]
        assert "notes.txt is not ours and stays" in told[-1]


def test_keeping_touches_no_file_of_the_home(tmp_path: Path, home: Home) -> None:
    """The service goes, the data stays."""
    (home.state / "x").write_bytes(b"12345")
    before = sorted(home.root.rglob("*"))
    plan = uninstalling.look(home, [], shortcuts(tmp_path), "")

    told = uninstalling.carry_out(plan, [], shortcuts(tmp_path), delete_data=False)

    assert sorted(home.root.rglob("*")) == before
    assert told == [f"{home.root} stays as it is, with all data."]


def test_a_link_is_removed_and_what_it_points_to_is_not(tmp_path: Path, home: Home) -> None:
    """Somebody may keep the databases on another disk."""
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (home.root / "reports").symlink_to(elsewhere)
    plan = uninstalling.look(home, [], shortcuts(tmp_path), "")

    uninstalling.carry_out(plan, [], shortcuts(tmp_path), delete_data=True)

    assert (elsewhere / "precious").exists()
    assert not home.root.exists()


def test_another_homes_service_is_left_alone(tmp_path: Path, home: Home, other: Home) -> None:
    """Though it bears the same name."""
    unit(tmp_path, other).install()
    plan = uninstalling.look(home, [unit(tmp_path, home)], shortcuts(tmp_path), "")
    uninstalling.carry_out(plan, [unit(tmp_path, home)], shortcuts(tmp_path), delete_data=True)

    assert plan.services == []
    assert unit(tmp_path, other).path.exists()


def test_a_program_knows_how_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the word beside the executable, else by what it is; and says how it is removed."""
    assert origin.installed_by() == "pip"
    monkeypatch.setattr(origin, "executable", lambda: str(tmp_path / "cryptobot"))
    assert (origin.installed_by(), str(tmp_path) in origin.how_to_remove("portable")) == ("portable", True)
    (tmp_path / origin.MARK).write_text("deb\n")
    assert (origin.installed_by(), origin.how_to_remove("deb")) == ("deb", "sudo apt remove cryptobot")
    (tmp_path / origin.MARK).write_text("nonsense")
    assert origin.installed_by() == "portable"


def test_an_appimage_names_the_file_that_was_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units and shortcuts start that, not what was unpacked; an AppImage of something else does not count."""
    program = tmp_path / "unpacked" / "usr" / "cryptobot"
    program.parent.mkdir(parents=True)
    (program.parent / origin.MARK).write_text("appimage\n")
    monkeypatch.setattr(frozen, "executable", lambda: str(program))
    monkeypatch.setattr(origin, "executable", lambda: str(program))
    monkeypatch.setenv("APPIMAGE", "/home/me/CryptoBot.AppImage")
    monkeypatch.setenv("APPDIR", str(tmp_path / "unpacked"))

    assert frozen.lasting_program() == ["/home/me/CryptoBot.AppImage"]
    assert "delete the file /home/me/CryptoBot.AppImage" in origin.how_to_remove(origin.installed_by())
    monkeypatch.setenv("APPDIR", "/tmp/.mount_other")
    assert frozen.lasting_program() == [str(program)]


def test_versions_side_by_side_are_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them go, with what starts them: not the version in use alone."""
    (tmp_path / "versions" / "0.1.0").mkdir(parents=True)
    (tmp_path / "current").write_text("0.1.0\n")
    monkeypatch.setenv(frozen.FOLDER_VARIABLE, str(tmp_path))

    assert origin.how_to_remove("portable") == f"delete the folder {tmp_path}"
