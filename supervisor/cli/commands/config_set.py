"""cryptobot config set"""

import click

from ....configs import edit
from ....configs.errors import UsageError
from .. import daemon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("words", metavar="KEY VALUE | KEY=VALUE...", nargs=-1, required=True)
@click.option("--unset", is_flag=True, help="Take the keys out of config.yaml, so that their defaults hold.")
@json_option
@pass_call
def command(call: Call, words: tuple[str, ...], unset: bool, as_json: bool) -> None:
    """Change settings in config.yaml: KEY VALUE, or several KEY=VALUE at once. Comments and order are kept.

    They are checked first; a wrong value changes nothing. Every change is kept (`config history`).
    """
    made = edit.set_values(call.home, read_changes(words, unset), actor=person())
    if as_json:
        print_json({"changed": made is not None, "revision": made.number if made else None})
        return
    if made is None:
        note("It was so already.")
        return
    note(f"{made.summary} (revision {made.number}).")
    if daemon.is_running(call.home):
        note("`cryptobot reload` puts it in force, `cryptobot reload --plan` shows what that restarts.")


def read_changes(words: tuple[str, ...], unset: bool) -> dict[str, str | None]:
    """Keys and their new texts; None takes a key out.

    Raises:
        UsageError: a value is missing, or is there where none is wanted.
    """
    if unset:
        if any("=" in word for word in words):
            raise UsageError("--unset takes keys out; leave the values away.")
        return dict.fromkeys(words)
    if len(words) == 2 and "=" not in words[0]:
        return {words[0]: words[1]}
    changes: dict[str, str | None] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"Which value? `cryptobot config set {key} VALUE`; --unset takes the key out.")
        changes[key] = text
    return changes
