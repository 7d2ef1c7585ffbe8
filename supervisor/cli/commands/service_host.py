"""cryptobot service host"""

import click

from ..call import Call, pass_call
from ..group import Command


@click.command(cls=Command)
@click.argument("name")
@click.argument("folder")
@pass_call
def command(_call: Call, name: str, folder: str) -> int:
    """Speak to Windows' service manager as the service NAME, and run the platform of FOLDER under it."""
    from ...platform.services.windows_host import main

    return main(name, folder)
