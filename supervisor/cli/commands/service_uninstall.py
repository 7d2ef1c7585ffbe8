"""cryptobot service uninstall"""

import click

from ..call import Call, pass_call
from ..group import Command
from ..output import note
from ..system_service import name_option, scope_option


@click.command(cls=Command)
@scope_option
@name_option
@pass_call
def command(call: Call, whole_machine: bool | None, name: str) -> None:
    """Stop what `service install` installed and remove it. The home and all its data stay."""
    from ...platform.services.choose import manager_here

    manager = manager_here(call.home, name, whole_machine=whole_machine, start=False)
    manager.check()
    for sentence in manager.uninstall():
        note(sentence)
