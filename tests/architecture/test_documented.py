"""What users and the next engineer rely on is written down."""

from pathlib import Path

import pytest
from cryptobot.supervisor.cli import reference
from cryptobot.supervisor.cli.table import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_commands_is_up_to_date() -> None:
    """`make docs` writes docs/cli.md."""
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == reference.page()


def test_the_page_of_messages_is_up_to_date() -> None:
    """`make docs` writes docs/messages.md."""
    assert (DOCS / "messages.md").read_text(encoding="utf-8") == reference.messages_page()


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
def test_every_command_loads(name: str) -> None:
    """The table names no module that is missing."""
    assert reference.command_of(name).help
