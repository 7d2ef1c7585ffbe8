"""The options of `service install` and `service uninstall`."""

import re

import click


def _name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value):
        raise click.BadParameter(f"{value!r} is not a name: up to 40 letters, digits, - and _.")
    return value


scope_option = click.option(
    "--system/--user",
    "whole_machine",
    default=None,
    help="For the whole machine (as root), or for you alone.  [default: --user; on Windows --system]",
)
name_option = click.option(
    "--name",
    default="cryptobot",
    show_default=True,
    callback=_name,
    help="Of the service; a second home needs a second name.",
)
