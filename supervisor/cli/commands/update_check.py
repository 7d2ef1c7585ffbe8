"""cryptobot update check"""

import click

from ..call import Call, json_option, pass_call
from ..delegate import load
from ..group import Command
from ..output import note, print_json, size
from ..updates import address_of, report, settings_of


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Ask the update address whether there is a newer version.

    The server sees the address of this machine and, in the request's header and file name, the program's
    version and the kind of system; nothing else is sent. Nobody is asked unless you call this, or switch on
    update.check.
    """
    from ...versions.origin import program_folder

    folder, settings = program_folder(), settings_of(call.home)
    check = load("cryptobot.services.update.client:check")
    is_newer = load("cryptobot.services.update.client:is_newer")
    offer = check(folder, address_of(folder, settings), settings.update.channel)
    if as_json:
        print_json(report(call))
    elif is_newer(offer.version):
        note(f"Version {offer.version} is there ({size(offer.length)}); {folder.current()} is in use.")
        if offer.notes:
            note(offer.notes)
        note("`cryptobot update apply` fetches it, tries it and switches to it.")
    else:
        note(f"Version {folder.current()} is the newest one.")
