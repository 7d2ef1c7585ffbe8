"""cryptobot update download"""

import click

from ....configs.errors import CryptoBotError
from ....configs.programfolder import ProgramFolder, Ready
from ....configs.schema import Settings
from ..call import Call, json_option, pass_call
from ..delegate import load
from ..group import Command
from ..output import note, print_json
from ..updates import Teller, address_of, report, settings_of


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Fetch the newest version and verify it; nothing is switched. One that broke off is gone on with."""
    from ...versions.journal import alone
    from ...versions.origin import program_folder

    folder, settings = program_folder(), settings_of(call.home)
    with alone(folder):
        ready = fetched(folder, settings)
    if as_json:
        print_json(report(call))
    elif ready is None:
        note(f"Version {folder.current()} is the newest one.")
    else:
        note(f"Version {ready.version} is here and verified. `cryptobot update apply` switches to it.")


def fetched(folder: ProgramFolder, settings: Settings) -> Ready | None:
    """The newest version's archive, verified; None when the version in use is the newest.

    Raises:
        CryptoBotError: it could not be had; the reason stays visible for `update status`.
    """
    told = Teller(folder)
    download = load("cryptobot.services.update.client:download")
    try:
        ready: Ready | None = download(folder, address_of(folder, settings), settings.update.channel, told)
    except CryptoBotError as error:
        told.ended(str(error))
        raise
    told.ended()
    return ready
