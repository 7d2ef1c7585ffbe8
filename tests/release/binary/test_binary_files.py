"""Single files that a person puts into the home, a connector and a strategy, for folder and one-file form.

The connector writes down, from inside the process that opened it, what of ccxt that process has imported.
"""

import json
from pathlib import Path
from typing import Any

import pytest

CONNECTOR = """\
import json
import sys
from dataclasses import replace

from cryptobot.services.connectors.generic import ccxt_connector

INNER = ccxt_connector("kraken")


async def open_(context):
    venue = await INNER.open(context)
    import ccxt

    names = sorted(name for name in sys.modules if name.startswith("ccxt."))
    with open({mark!r}, "w") as file:
        json.dump({{"version": ccxt.__version__, "where": ccxt.__path__[0], "names": names}}, file)
    return venue


CONNECTOR = replace(INNER, name="my-venue", open=open_)
"""
NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
FETCH = ("data", "fetch", "BTC/USD", "1h", "--exchange", "my-venue", "--from", "2026-01-01")


@pytest.fixture(params=["folder", "onefile"])
def planted(request: pytest.FixtureRequest, program: Any, tmp_path: Path) -> Any:
    """A program whose home has a connector and a strategy; nothing leaves this machine."""
    if request.param == "onefile":
        program.executable = request.getfixturevalue("onefile")
    program.environment |= NOWHERE
    program.told = tmp_path / "told.json"
    assert program.run("strategy", "new", "my-idea").returncode == 0
    place = Path(program.home) / "connectors"
    place.mkdir()
    (place / "my_venue.py").write_text(CONNECTOR.format(mark=str(program.told)))
    return program


def imported(program: Any) -> dict[str, Any]:
    """What the process with the connector wrote down."""
    return dict(json.loads(program.told.read_text()))


def exchanges(names: list[str]) -> set[str]:
    """The exchanges among the modules of ccxt."""
    parts = [name.split(".") for name in names]
    rooms = {"async_support", "pro", "base", "static_dependencies", "abstract"}
    flat = {words[1] for words in parts if len(words) == 2} - rooms
    return (
        flat
        | {words[2] for words in parts if words[1] in {"pro", "async_support"} and len(words) == 3} - rooms
    )


def test_both_are_found_and_run_in_the_services(planted: Any, until: Any) -> None:
    """The data service opens the connector and imports its exchange alone; the strategy runs."""
    found = planted.ask("doctor")
    assert "my-venue" in found["connectors"]
    assert found["unreadable"] == []
    assert "my-idea" in planted.ask("strategy", "list")["available"]
    planted.run("config", "set", "data.venues.my-venue", "BTC/USD")
    planted.run("config", "set", "strategy.instances.mine.strategy", "my-idea")

    started = planted.run("up", "-d", "--set", "dashboard.port=0")
    assert started.returncode == 0, started.stderr
    until(planted.told.exists, "the data service opened the connector")
    assert exchanges(imported(planted)["names"]) == {"kraken"}

    def runs() -> bool:
        listed = {one["name"]: one for one in planted.ask("strategy", "list")["strategies"]}
        return "mine" in listed and listed["mine"]["title"] == "My idea"

    until(runs, "the strategy of the file runs")
    assert planted.run("down").returncode == 0
    until(lambda: planted.processes() == [], "no process is left")


def test_a_fault_in_a_file_is_told_with_its_line(planted: Any) -> None:
    """One sentence for the connector, one for the strategy; no traceback."""
    (Path(planted.home) / "connectors" / "my_venue.py").write_text("x = 1\nimport nothing_of_this_name\n")
    (Path(planted.home) / "strategies" / "my_idea.py").write_text("x = 1\nimport nothing_of_this_name\n")
    for words in (FETCH, ("strategy", "check", "my-idea")):
        done = planted.run(*words)
        assert done.returncode != 0
        assert "line 2: ModuleNotFoundError" in done.stderr
        assert "Traceback" not in done.stderr
