"""cryptobot config set"""

import click

from ....configs import edit
from ....configs.errors import UsageError
from .. import daemon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("key")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the key out of config.yaml, so that its default holds.")
@json_option
@pass_call
def command(call: Call, key: str, value: str | None, unset: bool, as_json: bool) -> None:
    """Change one setting in config.yaml: KEY VALUE, or KEY=VALUE. Comments and order are kept.

    It is checked first; a wrong value changes nothing. Every change is kept (`config history`).
    """
    name, wanted = _read(key, value, unset)
    made = edit.set_values(call.home, {name: wanted}, actor=person())
    if as_json:
        print_json({"changed": made is not None, "revision": made.number if made else None})
        return
    if made is None:
        note(f"{name} was so already.")
        return
    note(f"{made.summary} (revision {made.number}).")
    if daemon.is_running(call.home):
        note("`cryptobot reload` puts it in force, `cryptobot reload --plan` shows what that restarts.")


def _read(key: str, value: str | None, unset: bool) -> tuple[str, str | None]:
    if unset:
        if value is not None:
            raise UsageError("--unset takes a key out; leave the value away.")
        return key, None
    name, equals, text = key.partition("=")
    if equals and value is None:
        return name, text
    if value is None:
        raise UsageError(f"Which value? `cryptobot config set {key} VALUE`; --unset takes the key out.")
    return key, value
