"""An installed add-on is loaded only while it is what was installed; every start looks."""

import os
import shutil
import sys
from pathlib import Path

import msgspec
import pytest
from cryptobot.configs import addons as path_of_addons
from cryptobot.configs import addonseals
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.services.strategy.loader import Loader
from cryptobot.supervisor.doctor.finding import Patient
from cryptobot.supervisor.doctor.house import add_ons
from cryptobot.supervisor.install import addons, bundle, signature


@pytest.fixture
def installed(strategy_file: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed strategy; the path of this process is given back afterwards."""
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr("sys.dont_write_bytecode", sys.dont_write_bytecode)
    file = bundle.pack(
        strategy_file, strategy_file.parent / "out", version="1.0", key=signature.own_key(home)
    )
    addons.install(home, file)
    [one] = addons.list_all(home)
    return one.path


def refusal(home: Home) -> str:
    """Why a start leaves the one add-on out; "" when it is loaded."""
    loaded = path_of_addons.use(home)
    told = path_of_addons.refusals()
    assert len(loaded) + len(told) == 1
    return told[0] if told else ""


def code(folder: Path) -> Path:
    return folder / "cryptobot_strategy_my_idea.py"


def test_nothing_is_read_while_nothing_changed(
    installed: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file system says of the files is enough."""
    assert installed.is_dir()
    monkeypatch.setattr(addonseals, "_digest", None)
    assert refusal(home) == ""


def test_changed_code_is_not_loaded(installed: Path, home: Home) -> None:
    """One sentence names the file and the way out; a start and the doctor both tell it."""
    code(installed).write_text("import os\n")
    told = refusal(home)
    assert f"{installed.name} is not loaded: cryptobot_strategy_my_idea.py was changed after" in told
    assert str(installed) not in sys.path
    assert add_ons(Patient(home)).verdict == "fault"


def test_who_asks_for_its_strategy_is_told_why_it_is_not_there(installed: Path, home: Home) -> None:
    """The name is unknown, because the add-on that has it was left out."""
    code(installed).write_text("import os\n")
    path_of_addons.use(home)
    with pytest.raises(SettingsError, match=r"no strategy 'my-idea'.*my_idea\.py was changed"):
        Loader().load("my-idea")


def test_a_change_of_the_same_size_and_time_is_seen(installed: Path, home: Home) -> None:
    """The time of the last change of the inode cannot be set back."""
    before = code(installed).stat()
    text = code(installed).read_text()
    code(installed).write_text(text.replace("Idea", "Evil"))
    os.utime(code(installed), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert code(installed).stat().st_size == before.st_size
    assert "was changed" in refusal(home)


def test_changed_bytecode_is_not_loaded(installed: Path, home: Home) -> None:
    """Python would run it in place of the source, whatever the receipt beside it says."""
    [cached] = installed.rglob("*.pyc")
    cached.write_bytes(cached.read_bytes() + b"\1")
    assert f"{cached.name} was changed" in refusal(home)


def test_added_and_missing_files_are_seen(installed: Path, home: Home) -> None:
    """A module more, and one less."""
    more = installed / "numpy.py"
    more.write_text("")
    assert "numpy.py was added" in refusal(home)
    more.unlink()
    assert refusal(home) == ""
    code(installed).unlink()
    assert "my_idea.py was removed" in refusal(home)


def test_a_link_in_place_of_a_file_is_no_file(installed: Path, home: Home, tmp_path: Path) -> None:
    """What it leads to may be another thing the next time."""
    shutil.copy(code(installed), tmp_path / "same.py")
    code(installed).unlink()
    code(installed).symlink_to(tmp_path / "same.py")
    assert "was changed" in refusal(home)


def test_without_its_receipt_it_does_not_pass_for_put_there_by_hand(installed: Path, home: Home) -> None:
    """It has a seal; installing it again mends it."""
    file = next((installed.parents[2]).rglob("*.cryptobot-strategy"))
    (installed / addonseals.RECEIPT).unlink()
    assert "receipt.json was removed" in refusal(home)
    addons.install(home, file)
    assert refusal(home) == ""


def test_a_folder_with_a_receipt_from_elsewhere_is_not_loaded(
    installed: Path, home: Home, other: Home
) -> None:
    """Only an installation in this home makes a seal; a folder without a receipt is by hand and loads."""
    (other.root / "addons").mkdir()
    copied = other.root / "addons" / installed.name
    shutil.copytree(installed, copied)
    assert "not put there by an installation in this home" in refusal(other)
    (copied / addonseals.RECEIPT).unlink()
    assert refusal(other) == ""


def test_a_restored_home_is_hashed_until_it_is_verified(
    installed: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New inodes and times, the same bytes: loaded; `addon verify` renews the stamp."""
    moved = Home(tmp_path / "restored")
    shutil.copytree(home.root, moved.root)
    assert installed.is_dir()
    assert refusal(moved) == ""
    [one] = addons.list_all(moved)
    assert addons.verify(moved, one) == []
    monkeypatch.setattr(addonseals, "_digest", None)
    assert refusal(moved) == ""


def test_a_signer_who_is_not_trusted_any_more_is_not_loaded(
    strategy_file: Path, home: Home, other: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the next start on."""
    monkeypatch.setattr("sys.path", list(sys.path))
    key = signature.public_text(signature.own_key(other))
    signature.trust(home, key, "")
    addons.install(
        home, bundle.pack(strategy_file, strategy_file.parent, version="1.0", key=signature.own_key(other))
    )
    assert refusal(home) == ""
    signature.distrust(home, key)
    assert f"its signer {key} is not trusted any more" in refusal(home)


def test_damaged_seals_let_nothing_in(installed: Path, home: Home) -> None:
    """The file is named."""
    assert installed.is_dir()
    (home.keys / "addon-seals.json").write_text("{")
    assert "addon-seals.json cannot be read" in refusal(home)


def test_another_python_adds_no_bytecode(
    installed: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would look like a change at the next start."""
    assert installed.is_dir()
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    [[seal]] = addonseals.read(home).values()
    addonseals.put(home, installed.name, msgspec.structs.replace(seal, bytecode="cpython-399"))
    assert refusal(home) == ""
    assert sys.dont_write_bytecode


def test_a_removed_addon_leaves_no_seal(installed: Path, home: Home) -> None:
    """What is put there by hand afterwards is judged as such."""
    addons.remove(home, "cryptobot-strategy-my-idea")
    assert addonseals.read(home) == {}
    assert not installed.exists()


def test_an_upgrade_keeps_one_seal(installed: Path, home: Home, strategy_file: Path) -> None:
    """That of the new one."""
    assert installed.is_dir()
    newer = bundle.pack(strategy_file, strategy_file.parent, version="1.1", key=signature.own_key(home))
    addons.install(home, newer)
    assert list(addonseals.read(home)) == ["cryptobot-strategy-my-idea-1.1"]
    assert refusal(home) == ""
