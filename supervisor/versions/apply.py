"""From a downloaded archive to a version on trial: nothing is touched before everything was tried."""

import time
from dataclasses import dataclass, replace

from ...configs.errors import CryptoBotError, NotRunningError
from ...configs.programfolder import ProgramFolder, Progress, Ready, order_of
from . import journal, safeguard, stage
from .journal import Update
from .running import exposure, trading_of
from .trial import QUIET, Trial

_LOOK_EVERY_S = 1.0
_MONEY = "trade"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for.

    Args:
        anyway: switch without waiting for flat or protected positions.
        server: the databases are on a server, whose tables cannot be taken back.
    """

    actor: str
    anyway: bool = False
    server: bool = False


def apply(trial: Trial, ready: Ready, wish: Wish) -> Update:
    """Stage, wait, back up, try on copies, switch, watch.

    Raises:
        CryptoBotError: nothing was changed, or all was taken back; with the reason.
    """
    folder = trial.folder
    previous = folder.current()
    refuse_older(ready.version, previous)
    services = _ready_services(trial)
    update = Update(
        to=ready.version,
        previous=previous,
        home=str(trial.home.root),
        backup="",
        actor=wish.actor,
        services=",".join(services),
    )
    try:
        _say(trial, update, f"Unpacking {ready.version}")
        stage.stage(folder, ready)
        update = _quiet(trial, update, wish)
        update = _prepared(trial, update, wish)
    except (CryptoBotError, OSError) as error:
        written = journal.read(folder) or update
        trial.trade_again(written)
        journal.end(folder, written, "cancelled", str(error))
        raise
    _say(trial, update, f"Switching to {ready.version}")
    folder.point_to(ready.version)
    trial.forward(update)
    _forget_archive(folder, ready)
    return update


def roll_back(trial: Trial, actor: str) -> Update:
    """Go back to the version before, because a person wants to.

    Raises:
        CryptoBotError: there is none, or it cannot be brought back.
    """
    folder = trial.folder
    current = folder.current()
    confirmed = folder.before(current)
    if confirmed is None:
        raise CryptoBotError(f"There is no version before {current} to go back to.")
    previous = confirmed.previous
    services = _ready_services(trial)
    update = Update(
        to=current,
        previous=previous,
        home=str(trial.home.root),
        backup=confirmed.backup,
        actor=actor,
        trading=trading_of(trial.running),
        phase=journal.BACK,
        services=",".join(services),
        reason=f"{actor} asked for it",
    )
    journal.begin(folder, update)
    if update.trading == "ACTIVE":
        trial.running.set_trading(QUIET, f"{actor} goes back to version {previous}")
    trial.back(update, update.reason)
    return update


def refuse_older(version: str, current: str) -> None:
    """Raises CryptoBotError when a version is not newer than the one in use."""
    if order_of(version) <= order_of(current):
        raise CryptoBotError(f"Version {version} is not newer than {current}, which is in use.")


def _ready_services(trial: Trial) -> list[str]:
    """Names of those that are ready now: those have to be ready afterwards.

    Raises:
        NotRunningError: the platform does not run.
    """
    found = [name for name, one in trial.running.services().items() if one["ready"]]
    if not found:
        raise NotRunningError(
            "The platform does not run, so nobody could see whether a new version works and take it "
            "back; start "
            "it with `cryptobot up -d` first."
        )
    return found


def _quiet(trial: Trial, update: Update, wish: Wish) -> Update:
    """Wait until nothing is in danger and let nothing be opened from then on.

    The update with the trading state from before and the open orders; it is in the journal first, so that
    trading goes on after a crash.
    """
    services = trial.running.services()
    if not services.get(_MONEY, {}).get("ready"):
        if _MONEY in services and not wish.anyway:
            raise CryptoBotError(
                "trade does not run, so nobody knows whether positions are protected; `--anyway` updates "
                "without."
            )
        return update
    wait_for = "nothing" if wish.anyway else trial.settings.wait_for
    until = time.monotonic() + trial.settings.wait_s
    while True:
        portfolio = trial.running.portfolio()
        waits = exposure(portfolio, wait_for, trial.settings.dust_value)
        if not waits:
            quieted = replace(update, trading=portfolio.trading_state.state)
            waits = _quieted(trial, quieted, wait_for)
            if not waits:
                return replace(quieted, open_orders=",".join(trial.running.open_orders()))
        if time.monotonic() > until:
            raise CryptoBotError(
                f"The update was given up after {trial.settings.wait_s:g} s: {waits} Nothing was changed; "
                "`--anyway` does not wait."
            )
        _say(trial, update, f"Waiting: {waits}")
        time.sleep(_LOOK_EVERY_S)


def _quieted(trial: Trial, update: Update, wait_for: str) -> str:
    """Let nothing be opened, and look again: what is waited for all the same, and then trading goes on."""
    journal.begin(trial.folder, update)
    if update.trading == "ACTIVE":
        trial.running.set_trading(QUIET, f"version {update.to} is tried")
    waits = exposure(trial.running.portfolio(), wait_for, trial.settings.dust_value)
    if waits:
        trial.trade_again(update)
    return waits


def _prepared(trial: Trial, update: Update, wish: Wish) -> Update:
    """Backups, the new version tried on copies of them, and the journal."""
    folder, home = trial.folder, trial.home
    journal.begin(folder, update)
    _say(trial, update, "Backing up settings and databases")
    backup = safeguard.back_up(folder, home, update.previous, update.to)
    _say(trial, update, "Trying the new version on copies of the databases")
    migrated = safeguard.try_on_copy(folder, home, backup, update.to)
    if migrated and wish.server:
        raise CryptoBotError(
            f"Version {update.to} changes tables of {', '.join(str(row['owner']) for row in migrated)}, "
            "which are on "
            "a database server and could not be taken back by themselves. Back them up with the server's own "
            "tools, stop the platform, and install the new version by hand."
        )
    update = replace(update, backup=str(backup))
    journal.begin(folder, update)
    return update


def _forget_archive(folder: ProgramFolder, ready: Ready) -> None:
    """It is unpacked and confirmed: what was downloaded is not needed any more."""
    (folder.downloads / ready.file).unlink(missing_ok=True)
    (folder.downloads / "ready.json").unlink(missing_ok=True)


def _say(trial: Trial, update: Update, step: str) -> None:
    trial.told(Progress(state="applying", version=update.to, step=step))
