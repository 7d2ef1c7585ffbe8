"""What every command is given, and what most of them ask for."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import click

from ...configs.paths import Home

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for programs.")
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Use a setting for this run only, such as trade.max_open_orders=3. May be given several times.",
)


@dataclass(frozen=True)
class Call:
    """The circumstances of one call of `cryptobot`."""

    given_home: str | None

    @cached_property
    def home(self) -> Home:
        """The home folder this call is about; it need not exist."""
        return Home.find(self.given_home)


def person() -> str:
    """Who is at the keyboard, for the audit log: `cli:NAME`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


pass_call = click.make_pass_decorator(Call)
