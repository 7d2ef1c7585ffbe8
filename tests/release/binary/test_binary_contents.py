"""The compiled program holds what the source tree holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = ("commands", "services", "pages", "connectors", "strategies", "schemas")
LEFT_OUT = {"cluster", "feather"}


def test_nothing_is_lost_by_compiling(program: Any, source: Callable[..., Any]) -> None:
    """Commands, services, pages, connectors, strategies and schemas are those of the source tree."""
    compiled, ours = program.ask("doctor"), source("doctor")
    assert compiled["unreadable"] == []
    assert {kind: compiled[kind] for kind in KINDS} == {kind: ours[kind] for kind in KINDS}


def test_the_full_variant_holds_ccxt_and_the_extras(program: Any, source: Callable[..., Any]) -> None:
    """All but the two that are as large as everything else together."""
    wanted = set(source("doctor")["extras"]) - LEFT_OUT
    assert set(program.ask("doctor")["extras"]) == wanted


def test_the_minimal_variant_has_all_but_the_extras(minimal: Path, program: Any) -> None:
    """The same commands, services, pages, connectors and schemas, and ccxt."""
    full = program.ask("doctor")
    program.executable = minimal / "cryptobot"
    found = program.ask("doctor")
    assert found["extras"] == ["ccxt"]
    assert {kind: found[kind] for kind in KINDS} == {kind: full[kind] for kind in KINDS}


def test_every_command_loads(program: Any) -> None:
    """The help of each command of the table is printed, and nothing is told on stderr."""
    for name in program.ask("doctor")["commands"]:
        done = program.run(*name.split(), "--help")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert done.stdout, name


def test_every_distribution_inside_is_listed(folder: Path) -> None:
    """distributions.txt tells name and version of each, and the part it lies in."""
    lines = [line.split() for line in (folder / "distributions.txt").read_text().splitlines()]
    by_name = {name: place for name, _, *place in lines}
    assert by_name["cryptobot"] == []
    assert by_name["ccxt"] == ["ccxt"]
    assert by_name["scipy"] == ["extras"]
    assert not any(name.lower() == "nuitka" for name in by_name)


def test_licences_are_beside_the_program(folder: Path) -> None:
    """Ours, the notice, and those of what was compiled in."""
    assert (folder / "LICENSE").is_file()
    assert (folder / "NOTICE").is_file()
    assert len(list((folder / "licences").iterdir())) > 30
