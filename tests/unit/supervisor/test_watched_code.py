"""Which files are watched, and whom a change restarts."""

from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.supervisor.catalogue.registry import Manifest, built_in
from cryptobot.supervisor.watch.watching import watched


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "src").mkdir()
    return Home(tmp_path)


def test_a_manifest_names_what_is_watched_for_it(home: Home) -> None:
    """Relative to the home, or absolute; what does not exist is left out."""
    mine = Manifest(name="mine", command=("x",), watch=("src", "nothing"))
    assert watched(home, Settings(), [mine]) == {(home.root / "src").resolve(): {"mine"}}


def test_nothing_is_watched_in_prod(home: Home) -> None:
    """Whatever a manifest says: real money is not traded by half-saved files."""
    mine = Manifest(name="mine", command=("x",), watch=("src",))
    assert watched(home, Settings(profile="prod"), [mine]) == {}


def test_in_dev_our_own_code_is_watched(home: Home) -> None:
    """A service's folder restarts it alone; a room that all share restarts all of ours, and nobody else."""
    settings = Settings(profile="dev")
    ours = built_in(settings)
    stranger = Manifest(name="stranger", command=("x",))
    places = {path.parts[-2:]: names for path, names in watched(home, settings, [*ours, stranger]).items()}
    assert places["services", "data"] == {"data"}
    assert places["services", "trade"] == {"trade"}
    assert places["services", "host"] == {one.name for one in ours}
    assert watched(home, Settings(), ours) == {}
