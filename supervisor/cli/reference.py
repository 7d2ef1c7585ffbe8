"""Writes docs/cli.md: `python -m cryptobot.supervisor.cli.reference > docs/cli.md`. A test compares."""

import sys
from importlib import import_module

import click

from .table import COMMANDS

HEAD = """# The command line
`cryptobot` (also `python -m cryptobot`). `--home DIR` may stand before or after any command; else
`CRYPTOBOT_HOME` counts, else the platform's data folder. JSON goes to stdout alone, progress and logs
to stderr. Tables are coloured on a terminal and plain text in a pipe.

Exit codes: 0 done, 1 it failed, 2 wrong use or settings, 3 not running.

This page is written by `python -m cryptobot.supervisor.cli.reference`.
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
        context = click.Context(
            command, info_name=f"cryptobot {entry.name}", max_content_width=100, terminal_width=100
        )
        parts.append(f"## {entry.name}\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
