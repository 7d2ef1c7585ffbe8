"""cryptobot update apply"""

import os
import sys

import click

from ....configs.errors import CryptoBotError, UsageError
from ....configs.programfolder import Last, ProgramFolder, Ready
from ....configs.schema import Settings
from ..call import Call, json_option, pass_call, person
from ..daemon import require_running
from ..group import Command
from ..output import note, print_json
from ..updates import Teller, report, settings_of
from .update_download import fetched


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--anyway", is_flag=True, help="Do not wait for flat or protected positions.")
@click.option(
    "--version",
    "wanted",
    default="",
    help="Only this version; refused when it is neither here nor the newest.",
)
@click.option("--actor", default="", hidden=True)
@click.option("--detach", is_flag=True, hidden=True)
@json_option
@pass_call
def command(
    call: Call, yes: bool, anyway: bool, wanted: str, actor: str, detach: bool, as_json: bool
) -> None:
    """Switch to the newest version: fetched, verified, tried on copies, watched, and taken back if it fails.

    Waits for positions that are flat or have a stop at the venue (update.wait_for), backs up settings and
    databases, hands over without stopping what tends your orders, and opens nothing until the new version is
    confirmed.
    """
    from ...versions.journal import alone
    from ...versions.origin import program_folder

    folder = program_folder()
    require_running(call.home)
    if not yes and not sys.stdin.isatty():
        raise UsageError("There is nobody to ask; look at `cryptobot update status` and say --yes.")
    with alone(folder):
        ready = at_hand(folder, settings_of(call.home), wanted)
        if ready is None:
            note(f"Version {folder.current()} is the newest one.")
            return
        if not yes and not click.confirm(f"Switch from {folder.current()} to {ready.version}?", err=True):
            note("Nothing was changed.")
            return
        if not detach:
            _apply(call, folder, ready, actor or person(), anyway)
    if detach:
        _detach(call, folder, ready, actor or person(), anyway)
    if as_json:
        print_json(report(call))
    elif not detach:
        note(f"Version {ready.version} runs and is confirmed.")


def at_hand(folder: ProgramFolder, settings: Settings, wanted: str) -> Ready | None:
    """The archive to apply: the newest, or the one that is here when it is wanted by its version.

    Raises:
        UsageError: the newest is not the one wanted, or was taken back once and is not wanted by name.
        CryptoBotError: the newest cannot be had.
    """
    here = folder.read_ready()
    if here is not None and here.version == wanted:
        return here
    try:
        ready = fetched(folder, settings)
    except CryptoBotError as error:
        if here is None:
            raise
        raise CryptoBotError(f"{error} `--version {here.version}` applies the one that is here.") from error
    if ready is not None and wanted and wanted != ready.version:
        raise UsageError(f"The newest version is {ready.version}, not {wanted}; look again.")
    last = folder.read_last()
    if ready is not None and not wanted and last is not None and _is_taken_back(last, ready.version):
        raise UsageError(
            f"Version {ready.version} was tried and taken back ({last.reason.rstrip('.')}); `--version "
            f"{ready.version}` tries it once more."
        )
    return ready


def _is_taken_back(last: Last, version: str) -> bool:
    return last.result == "rolled-back" and last.version == version


def _apply(call: Call, folder: ProgramFolder, ready: Ready, actor: str, anyway: bool) -> None:
    from ...versions.apply import Wish, apply
    from ...versions.running import Running
    from ...versions.trial import Trial

    settings, told = settings_of(call.home), Teller(folder)
    trial = Trial(folder, call.home, Running(call.home, folder), settings.update, told)
    try:
        apply(trial, ready, Wish(actor=actor, anyway=anyway, server=bool(settings.database.url)))
    except (CryptoBotError, OSError) as error:
        told.ended(str(error))
        raise
    told.ended()


def _detach(call: Call, folder: ProgramFolder, ready: Ready, actor: str, anyway: bool) -> None:
    """Go on in a process that outlives whoever asked: the services are restarted meanwhile."""
    from ...versions.resume import detached

    words = [
        str(folder.program_of(folder.current())),
        "--home",
        str(call.home.root),
        "update",
        "apply",
        "--yes",
    ]
    words += ["--version", ready.version, "--actor", actor, *(["--anyway"] if anyway else [])]
    note(f"Applied by process {detached(words, call.home, folder)}, apart from process {os.getpid()}.")
