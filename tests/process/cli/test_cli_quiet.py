"""Commands that work without a daemon."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "object"]


def test_the_graph_is_known_without_a_daemon(cryptobot: Run) -> None:
    """Who needs whom comes from the manifests."""
    ran = cryptobot("graph", "--json")

    needs = {one["name"]: set(one["requires"]) for one in json.loads(ran.out)}
    assert ran.code == 0
    assert {"bus", "auth", "data", "strategy", "trade", "paper", "dashboard"} <= set(needs)
    assert {"data", "trade"} <= needs["strategy"]
    assert needs["bus"] == set()


@pytest.mark.parametrize(("form", "start"), [("dot", "digraph"), ("mermaid", "graph BT"), ("text", "bus ")])
def test_the_graph_is_drawn(form: str, start: str, cryptobot: Run) -> None:
    """For Graphviz, for Markdown, for people."""
    assert cryptobot("graph", "--format", form).out.startswith(start)


def test_the_doctor_finds_nothing_in_a_new_home(cryptobot: Run) -> None:
    """And tells what this program holds."""
    ran = cryptobot("doctor", "--json")

    found = json.loads(ran.out)
    faults = [check for check in found["checks"] if check["verdict"] == "fault"]
    assert (ran.code, faults) == (0, [])
    assert "demo" in found["commands"]
    assert "trade" in found["services"]


def test_the_doctor_finds_broken_settings(cryptobot: Run, home: Path) -> None:
    """Exit code 1, and what to do."""
    home.mkdir()
    (home / "config.yaml").write_text("trade: 7\n")

    ran = cryptobot("doctor")

    assert ran.code == 1
    assert "fault" in ran.out
    assert "cryptobot config check" in ran.out


def test_a_setting_is_set_explained_and_taken_back(cryptobot: Run) -> None:
    """One key through its life."""
    assert cryptobot("config", "set", "trade.max_open_orders", "3").code == 0
    explained = json.loads(cryptobot("config", "explain", "trade.max_open_orders", "--json").out)
    changed = json.loads(cryptobot("config", "diff", "--json").out)
    assert cryptobot("config", "set", "trade.max_open_orders", "--unset").code == 0
    after = cryptobot("config", "get", "trade.max_open_orders").out

    assert explained["value"] == 3
    assert [one["key"] for one in changed if one["from"]["layer"] == "file"] == ["trade.max_open_orders"]
    assert after == "20\n"


def test_a_wrong_setting_changes_nothing(cryptobot: Run, home: Path) -> None:
    """The file stays as it was."""
    cryptobot("config", "set", "trade.max_open_orders", "3")
    before = (home / "config.yaml").read_bytes()

    ran = cryptobot("config", "set", "trade.max_open_orders", "many")

    assert ran.code == 2
    assert (home / "config.yaml").read_bytes() == before


def test_settings_travel_from_home_to_home(cryptobot: Run, tmp_path: Path) -> None:
    """What is exported can be imported."""
    cryptobot("config", "set", "trade.max_open_orders", "3")
    exported = cryptobot("config", "export").out
    other = str(tmp_path / "other")

    assert cryptobot("config", "import", "-", "--home", other, stdin=exported).code == 0
    assert cryptobot("config", "get", "trade.max_open_orders", "--home", other).out == "3\n"


def test_the_kinds_of_messages_are_listed(cryptobot: Run) -> None:
    """With number, delivery class and fields."""
    kinds = {one["name"]: one for one in json.loads(cryptobot("bus", "ls", "--json").out)}

    assert kinds["Order"]["delivery"] == "event"
    assert "client_order_id" in kinds["Order"]["fields"]


def test_plain_output_has_no_escape_codes(cryptobot: Run) -> None:
    """In a pipe there is no colour."""
    assert "\x1b" not in cryptobot("doctor").out + cryptobot("bus", "ls").out + cryptobot("--help").out


def test_a_new_strategy_is_found_and_loads(cryptobot: Run, home: Path) -> None:
    """What is written is a strategy that runs, under the name that was asked for."""
    ran = cryptobot("strategy", "new", "my-idea", "--json")
    listed = json.loads(cryptobot("strategy", "list", "--json").out)

    from cryptobot.services.strategy.loader import Loader

    assert ran.code == 0, ran.err
    assert "my-idea" in listed["available"]
    assert Loader(home / "strategies").load("my-idea").__name__ == "MyIdea"


def test_a_strategy_is_never_overwritten(cryptobot: Run, home: Path) -> None:
    """The author's work is theirs."""
    cryptobot("strategy", "new", "my-idea")
    (home / "strategies" / "my_idea.py").write_text("mine")

    ran = cryptobot("strategy", "new", "my-idea")

    assert ran.code == 2
    assert (home / "strategies" / "my_idea.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["My Idea", "../evil", "", "1st", "a_b"])
def test_a_strange_name_is_refused(name: str, cryptobot: Run) -> None:
    """It becomes a file's name and a class's."""
    assert cryptobot("strategy", "new", name).code == 2


def test_the_databases_are_checked_in_a_home_of_its_own(cryptobot: Run) -> None:
    """A new home has none, which is no fault."""
    ran = cryptobot("db", "check", "--json")

    assert (ran.code, json.loads(ran.out)) == (0, [])
