"""cryptobot config diff"""

import click

from ....configs.explain import all_keys, explain, shown
from ....configs.load import load
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import Column, print_json, print_table

_WIDE = 60
COLUMNS = (Column("key"), Column("default"), Column("value"), Column("from"))


@click.command(cls=Command)
@set_option
@json_option
@pass_call
def command(call: Call, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the settings that differ from their defaults, and who says so."""
    loaded = load(call.home, overrides)
    changed = [one for one in (explain(loaded, key) for key in all_keys()) if one.value != one.default]
    if as_json:
        print_json(
            [
                {"key": one.key, "default": one.default, "value": one.value, "from": one.origin}
                for one in changed
            ]
        )
        return
    rows = [
        [
            one.key,
            brief(one.default, one.unit),
            brief(one.value, one.unit),
            one.origin.source or one.origin.layer,
        ]
        for one in changed
    ]
    print_table(COLUMNS, rows, empty="All settings are at their defaults.")


def brief(value: object, unit: str) -> str:
    """A value for a table: a map that would not fit is its names."""
    text = shown(value, unit)
    if len(text) <= _WIDE:
        return text
    return ", ".join(value) if isinstance(value, dict) else text[: _WIDE - 1] + "…"
