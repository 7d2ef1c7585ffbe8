"""cryptobot config get"""

import sys

import click
import msgspec

from ....configs.load import load, value_at
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import print_json


@click.command(cls=Command)
@click.argument("key", required=False)
@set_option
@json_option
@pass_call
def command(call: Call, key: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show one setting, or all, as they would be in force after a start."""
    settings = load(call.home, overrides).settings
    value = settings if key is None else value_at(settings, key)
    if as_json:
        print_json(value)
        return
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        sys.stdout.writelines(f"{line}\n" for line in flat(plain, f"{key}." if key else ""))
    else:
        sys.stdout.write(text_of(plain) + "\n")


def flat(tree: dict[str, object], prefix: str) -> list[str]:
    """`section.key = value`, one a line."""
    lines: list[str] = []
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            lines.extend(flat(value, f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name} = {text_of(value)}")
    return lines


def text_of(value: object) -> str:
    """As it is written in config.yaml."""
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()
