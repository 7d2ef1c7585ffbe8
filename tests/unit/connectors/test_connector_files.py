"""A connector may be one file in HOME/connectors."""

from pathlib import Path

import pytest
from cryptobot.configs import addons
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.paths import Home
from cryptobot.services.connectors import registry

GOOD = """\
from cryptobot.services.connectors.generic import ccxt_connector

CONNECTOR = ccxt_connector("kraken")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HOME/connectors of the home that this process uses."""
    monkeypatch.setattr(addons, "_CONNECTORS", [])
    home = Home(tmp_path)
    home.connectors.mkdir()
    addons.use(home)
    return home.connectors


def test_a_file_is_a_connector(folder: Path) -> None:
    """Under its own name, with a hyphen where the file has an underscore; what begins with one is not."""
    (folder / "my_venue.py").write_text(GOOD)
    (folder / "_shared.py").write_text("")
    assert "my-venue" in registry.names()
    assert not any("shared" in name for name in registry.names())
    assert registry.find("my-venue").name == "kraken"


def test_what_the_program_holds_goes_first(folder: Path) -> None:
    """A file called binance.py does not take its place, and is not run."""
    (folder / "binance.py").write_text("raise SystemExit\n")
    assert registry.find("binance").name == "binance"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nimport nothing_of_this_name\n", r"bad\.py, line 2: ModuleNotFoundError"),
        ("def (:\n", r"bad\.py, line 1: SyntaxError"),
        ("CONNECTOR = 3\n", r"bad\.py defines no CONNECTOR"),
    ],
)
def test_a_bad_file_is_told_with_its_line(folder: Path, text: str, told: str) -> None:
    """One sentence."""
    (folder / "bad.py").write_text(text)
    with pytest.raises(SettingsError, match=told):
        registry.find("bad")
