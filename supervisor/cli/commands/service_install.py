"""cryptobot service install"""

import sys

import click

from ..call import Call, pass_call
from ..group import Command
from ..output import note
from ..system_service import name_option, scope_option


@click.command(cls=Command)
@scope_option
@name_option
@click.option(
    "--autostart/--no-autostart",
    default=True,
    show_default=True,
    help="Start it with the machine (or at your login), or only when you ask for it.",
)
@click.option("--start/--no-start", default=True, show_default=True, help="Start it now as well.")
@click.option("--dry-run", is_flag=True, help="List what would be written and run, and do nothing.")
@click.option("--print", "only_print", is_flag=True, help="Print what would be installed, and do nothing.")
@pass_call
def command(
    call: Call,
    whole_machine: bool | None,
    name: str,
    autostart: bool,
    start: bool,
    dry_run: bool,
    only_print: bool,
) -> None:
    """Let the operating system start CryptoBot and keep it running.

    A unit of systemd on Linux, an agent or daemon of launchd on macOS, a service on Windows (which needs
    an administrator). It runs `cryptobot up` in this home. With --no-start nothing has to run here: so an
    image or a chroot is prepared.
    """
    from ...platform.services.choose import manager_here
    from .. import daemon

    manager = manager_here(call.home, name, whole_machine=whole_machine, autostart=autostart, start=start)
    if only_print:
        sys.stdout.write(manager.definition())
        return
    if dry_run:
        for line in manager.rehearse():
            click.echo(line)
        return
    manager.check()
    if not manager.installed():
        daemon.refuse_second(call.home)
    for sentence in manager.install():
        note(sentence)
