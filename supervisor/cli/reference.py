"""Writes docs/cli.md and docs/messages.md (`make docs`). Tests compare."""

import sys
from importlib import import_module
from pathlib import Path

import click

from .schemas import all_schemas
from .table import COMMANDS

HEAD = """# The command line
`cryptobot` (also `python -m cryptobot`). `--home DIR` may stand before or after any command; else
`CRYPTOBOT_HOME` counts, else the platform's data folder. JSON goes to stdout alone, progress and logs
to stderr. Tables are coloured on a terminal and plain text in a pipe.

Exit codes: 0 done, 1 it failed, 2 wrong use or settings, 3 not running.

This page is written by `make docs`.
"""

MESSAGES_HEAD = """# Messages
All that crosses from one process to another, by number. [protocol.md](protocol.md) says how they are
carried: streams at most once, events at least once on the wire and once in effect, requests answered by
their reply. New optional fields may come, nothing else changes. `cryptobot bus ls` prints this list.

This page is written by `make docs`.
"""


def command_of(name: str) -> click.Command:
    """The command of one line of the table."""
    entry = next(entry for entry in COMMANDS if entry.name == name)
    command: click.Command = import_module(f".commands.{entry.module}", __package__).command
    return command


def page() -> str:
    """The whole page, in Markdown."""
    parts = [HEAD]
    for entry in COMMANDS:
        command = command_of(entry.name)
        if not command.context_settings.get("help_option_names", True):
            parts.append(
                f"## {entry.name}\n{command.help} `cryptobot {entry.name} --help` lists its options.\n"
            )
            continue
        context = click.Context(
            command,
            info_name=f"cryptobot {entry.name}",
            max_content_width=100,
            terminal_width=100,
            **command.context_settings,
        )
        parts.append(f"## {entry.name}\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def messages_page() -> str:
    """The page of messages, in Markdown."""
    parts = [MESSAGES_HEAD]
    for schema in all_schemas():
        summary = (schema.__doc__ or "").strip().splitlines()[0]
        owner = schema.__module__.rpartition(".")[2]
        fields = ", ".join(f"`{name}`" for name in schema.__struct_fields__) or "none"
        reply = f" Answered by {schema.REPLY.__name__}." if schema.REPLY else ""
        person = f" A person needs `{schema.PERMISSION}`." if schema.PERMISSION else ""
        parts.append(
            f"## {schema.__name__}\n`{schema.SCHEMA_ID:#06x}` version {schema.SCHEMA_VERSION}, "
            f"{schema.DELIVERY.value}, of {owner}. {summary}{reply}{person}\n\n"
            f"Fields: {fields}\n"
        )
    return "\n".join(parts)


def main(folder: Path) -> None:
    """Write both pages into the folder of the documentation."""
    (folder / "cli.md").write_text(page(), encoding="utf-8")
    (folder / "messages.md").write_text(messages_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
