"""The first run: what is made, and that a second time changes nothing."""

import os
from pathlib import Path

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.dashboard import tls
from cryptobot.supervisor.install.firstrun import prepare_home

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")


def prepared(home: Home) -> dict[str, bool]:
    steps = prepare_home(home, "127.0.0.1", tls.names_for, tls.ensure)
    return {step.name: step.made for step in steps}


def test_the_first_run_makes_what_the_first_start_would(tmp_path: Path) -> None:
    """Folders that are the user's alone, the machine's key, the certificate; once more changes nothing."""
    home = Home(tmp_path / "home")

    first, second = prepared(home), prepared(home)

    assert [name for name, made in first.items() if made] == ["folders", "machine key", "certificate"]
    assert not any(second.values())
    assert home.root.stat().st_mode & 0o077 == 0
    assert {path.name for path in home.keys.iterdir()} >= {"machine-key", "dashboard.crt", "ca.crt"}


def test_the_first_run_closes_what_is_open(tmp_path: Path) -> None:
    """A key that others could read is theirs no more."""
    home = Home(tmp_path / "home")
    prepared(home)
    (home.keys / "machine-key").chmod(0o644)

    assert prepared(home)["permissions"]
    assert (home.keys / "machine-key").stat().st_mode & 0o077 == 0


def test_broken_settings_are_told_at_once(tmp_path: Path) -> None:
    """Before anything is started."""
    home = Home(tmp_path / "home")
    home.create()
    home.config_file.write_text("trade: {nonsense: 1}\n")
    with pytest.raises(SettingsError, match="nonsense"):
        prepared(home)


def test_a_key_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With its path."""
    home = Home(tmp_path / "home")
    home.create()
    (home.keys / "dashboard.crt").mkdir()
    with pytest.raises(SettingsError, match=r"dashboard\.crt cannot be made"):
        prepared(home)
