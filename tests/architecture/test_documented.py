"""What users and the next engineer rely on is written down."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from cryptobot.bus import contracts
from cryptobot.bus.contracts.base import SCHEMAS
from cryptobot.supervisor.cli import reference
from cryptobot.supervisor.cli.table import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"

for _module in pkgutil.iter_modules(contracts.__path__):
    importlib.import_module(f"cryptobot.bus.contracts.{_module.name}")


def test_the_page_of_commands_is_up_to_date() -> None:
    """docs/cli.md is what `python -m cryptobot.supervisor.cli.reference` writes."""
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
def test_every_command_loads(name: str) -> None:
    """The table names no module that is missing."""
    assert reference.command_of(name).help


@pytest.mark.parametrize("schema", sorted(cls.__name__ for cls in SCHEMAS.values()))
def test_every_message_is_documented(schema: str) -> None:
    """docs/messages.md or docs/protocol.md names it."""
    pages = [DOCS / name for name in ("messages.md", "protocol.md") if (DOCS / name).exists()]

    assert any(schema in page.read_text(encoding="utf-8") for page in pages)
