"""cryptobot update rollback"""

import sys

import click

from ....configs.errors import CryptoBotError, UsageError
from ....configs.programfolder import ProgramFolder
from ..call import Call, json_option, pass_call, person
from ..daemon import require_running
from ..group import Command
from ..output import note, print_json
from ..updates import Teller, report, settings_of


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--actor", default="", hidden=True)
@click.option("--detach", is_flag=True, hidden=True)
@json_option
@pass_call
def command(call: Call, yes: bool, actor: str, detach: bool, as_json: bool) -> None:
    """Go back to the version before this one. Settings, orders and everything else that was written stay."""
    from ...versions.journal import alone
    from ...versions.origin import program_folder

    folder = program_folder()
    require_running(call.home)
    before = folder.before(folder.current())
    if before is None:
        raise CryptoBotError(f"There is no version before {folder.current()} to go back to.")
    if not yes and not sys.stdin.isatty():
        raise UsageError("There is nobody to ask; say --yes.")
    if not yes and not click.confirm(f"Go back from {folder.current()} to {before.previous}?", err=True):
        note("Nothing was changed.")
        return
    if detach:
        _detach(call, folder, before.previous, actor or person())
    else:
        with alone(folder):
            _roll_back(call, folder, actor or person())
    if as_json:
        print_json(report(call))
    elif not detach:
        note(f"Version {before.previous} runs again.")


def _roll_back(call: Call, folder: ProgramFolder, actor: str) -> None:
    from ...versions.apply import roll_back
    from ...versions.running import Running
    from ...versions.trial import Trial

    told = Teller(folder)
    trial = Trial(folder, call.home, Running(call.home, folder), settings_of(call.home).update, told)
    try:
        roll_back(trial, actor)
    except (CryptoBotError, OSError) as error:
        told.ended(str(error))
        raise
    told.ended()


def _detach(call: Call, folder: ProgramFolder, version: str, actor: str) -> None:
    """By the version that is gone back to: it knows its own tables."""
    from ...versions.resume import detached

    words = [str(folder.program_of(version)), "--home", str(call.home.root), "update", "rollback", "--yes"]
    detached([*words, "--actor", actor], call.home, folder)
