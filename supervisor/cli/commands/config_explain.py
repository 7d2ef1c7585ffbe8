"""cryptobot config explain"""

import sys

import click

from ....configs.explain import Explanation, all_keys, explain, shown
from ....configs.load import load
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import Column, print_json, print_table
from .config_diff import brief

_EFFECT = {
    "live": "at once, with `cryptobot reload`",
    "restart": "after `cryptobot reload`, which restarts the services that read it",
    "person": "after `cryptobot down` and `up`",
}


@click.command(cls=Command)
@click.argument("key", required=False)
@set_option
@json_option
@pass_call
def command(call: Call, key: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say what a setting means, what it may be, what it is, and where that comes from. Without KEY: all."""
    loaded = load(call.home, overrides)
    if key is not None:
        found = explain(loaded, key)
        if as_json:
            print_json(found)
        else:
            sys.stdout.write(in_words(found))
        return
    every = [explain(loaded, name) for name in all_keys()]
    if as_json:
        print_json(every)
        return
    rows = [[one.key, brief(one.value, one.unit), one.origin.layer, one.help] for one in every]
    print_table((Column("key"), Column("value"), Column("from"), Column("what it is")), rows, empty="")


def in_words(found: Explanation) -> str:
    rows = [
        ("value", shown(found.value, found.unit)),
        ("default", shown(found.default, found.unit)),
        ("allowed", found.allowed),
        ("unit", found.unit),
        ("applies", _EFFECT.get(found.applies, found.applies)),
        ("variable", found.environment),
        *(
            (f"{said.layer} says", f"{said.text} ({said.origin.source}{_line(said.origin.line)})")
            for said in found.said
        ),
    ]
    told = "".join(f"  {name:<18} {text}\n" for name, text in rows if text)
    return f"{found.key}\n  {found.help}\n{told}"


def _line(number: int) -> str:
    return f", line {number}" if number else ""
