"""cryptobot addon list"""

import click
import msgspec

from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the add-ons of this home: what was installed, and what was put into HOME/addons by hand."""
    from ...install import addons

    found = addons.list_all(call.home)
    if as_json:
        print_json(
            [
                {"name": one.name, "path": str(one.path), "receipt": msgspec.to_builtins(one.receipt)}
                for one in found
            ]
        )
        return
    columns = [Column("Name"), Column("Version"), Column("Brings"), Column("Installed"), Column("Signed by")]
    rows = [_row(one) for one in found]
    print_table(columns, rows, empty="There is no add-on; `cryptobot addon install FILE` brings one.")


def _row(one: object) -> list[str]:
    from ...install.addons import Installed

    assert isinstance(one, Installed)
    if one.receipt is None:
        return [one.name, "-", "-", "by hand", "nobody"]
    brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in one.receipt.provides.items())
    return [one.name, one.receipt.version, brings or "-", one.receipt.installed[:10], one.receipt.signer]
