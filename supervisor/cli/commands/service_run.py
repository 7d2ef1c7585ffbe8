"""cryptobot service run"""

import click

from ..call import Call, pass_call
from ..group import Command
from ..spawned import run_service


@click.command(cls=Command)
@click.argument("name")
@pass_call
def command(call: Call, name: str) -> int:
    """Run one service in this process, with the settings in force. The supervisor does this.

    Several services joined by + (data+strategy) share the process and ask each other within it; when one
    ends, all end.
    """
    return run_service(call.given_home, name)
