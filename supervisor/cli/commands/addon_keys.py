"""cryptobot addon keys"""

import click
import msgspec

from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table


@click.command(cls=Command)
@click.option("--remove", "unwanted", metavar="KEY", help="Trust this key no more.")
@json_option
@pass_call
def command(call: Call, unwanted: str | None, as_json: bool) -> None:
    """List the keys whose add-ons this home takes, or forget one."""
    from ...install import signature

    if unwanted is not None:
        key = signature.check_key(unwanted)
        signature.distrust(call.home, key)
        note(f"{key} is not trusted any more; `cryptobot addon verify` names what it has signed.")
        return
    found = signature.trusted(call.home)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    rows = [[one.key, one.note, one.since or "-"] for one in found]
    print_table([Column("Key"), Column("Known as"), Column("Since")], rows, empty="No key is trusted.")
