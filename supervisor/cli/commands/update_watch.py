"""cryptobot update watch"""

import click

from ....configs.errors import CryptoBotError
from ....configs.programfolder import FOLDER_VARIABLE, ProgramFolder
from ..call import Call, pass_call
from ..group import Command
from ..output import note
from ..updates import Teller, settings_of


@click.command(cls=Command)
@pass_call
def command(call: Call) -> None:
    """Finish an update that was interrupted: watch its trial, or take it back. Started by the supervisor."""
    from ...versions.journal import alone
    from ...versions.running import Running
    from ...versions.trial import Trial

    folder = ProgramFolder.find()
    if folder is None:
        raise CryptoBotError(f"{FOLDER_VARIABLE} names no folder of versions.")
    with alone(folder, wait=True):
        told = Teller(folder)
        trial = Trial(folder, call.home, Running(call.home, folder), settings_of(call.home).update, told)
        try:
            update = trial.resume()
        except (CryptoBotError, OSError) as error:
            told.ended(str(error))
            raise
        if update is not None:
            told.ended()
            note(f"The update to {update.to} has ended; `cryptobot update status` says how.")
