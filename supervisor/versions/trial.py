"""A new version on trial: the platform is moved over to it, watched, and confirmed or taken back.

Runs in a process of the version before, outside of the platform: what is new cannot judge itself.
Every step may be repeated, so whoever comes after a crash simply begins it again.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...configs.errors import BusError, CryptoBotError, NotRunningError
from ...configs.paths import Home
from ...configs.programfolder import ProgramFolder, Progress
from ...configs.sections.update import UpdateSettings
from . import journal, safeguard, stage
from .journal import Update
from .running import Running

QUIET = "REDUCING"
_LOOK_EVERY_S = 0.5
Told = Callable[[Progress], None]


class NotWell(CryptoBotError):
    """The new version does not do what the old one did."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What all steps share.

    Args:
        told: hears each step before it is done.
    """

    folder: ProgramFolder
    home: Home
    running: Running
    settings: UpdateSettings
    told: Told

    def resume(self) -> Update | None:
        """Finish what is under way, in the direction in which it goes; None when there is nothing."""
        update = journal.read(self.folder)
        if update is None:
            return None
        if journal.is_trial(self.folder, update) and update.phase == journal.FORWARD:
            self.forward(update)
        elif update.phase == journal.FORWARD and not self.folder.boots.exists():
            self._cancelled(update)
        else:
            reason = update.reason or f"version {update.to} did not start"
            self.back(update, reason)
        return update

    def forward(self, update: Update) -> None:
        """Move the platform over, watch it, confirm; or take everything back.

        Raises:
            CryptoBotError: it was taken back, and why.
        """
        try:
            self._move(update)
            self._watch(update)
        except (CryptoBotError, OSError) as error:
            self.back(update, str(error))
            raise CryptoBotError(
                f"Version {update.to} was taken back, {update.previous} runs again: {error}"
            ) from error
        self._say(update, "trial", "Confirming")
        self.trade_again(update)
        journal.end(self.folder, update, "confirmed")
        stage.prune(self.folder, self.settings.keep, {update.to, update.previous})

    def back(self, update: Update, reason: str) -> None:
        """Return to the version before; whatever the new one has written stays readable and is kept."""
        update = replace(update, phase=journal.BACK, reason=reason)
        self._say(update, "rolling-back", f"Back to {update.previous}")
        journal.write(self.folder, update)
        self.folder.point_to(update.previous)
        if self.running.version() != update.previous:
            self.running.replace(update.previous)
        newer = self._take_back_data(update)
        others = [name for name in _names(update.services) if _owner(name) not in newer]
        self._restart_back(update, others)
        ready = self._until_ready(update, self.settings.trial_s)
        self.trade_again(update)
        left = "" if ready else f" {self._missing(update)} did not become ready again."
        journal.end(self.folder, update, "rolled-back", reason + left)

    def _cancelled(self, update: Update) -> None:
        """The end came before the switch: nothing of the new version ever ran."""
        safeguard.forget_copy(self.home)
        self.trade_again(update)
        journal.end(self.folder, update, "cancelled", "it was interrupted before the switch")

    def _move(self, update: Update) -> None:
        self._say(update, "trial", f"Handing over to {update.to}")
        if self.running.version() != update.to:
            self.running.replace(update.to)
        self.running.reload()
        self._restart_all(update)

    def _restart_all(self, update: Update) -> None:
        """One after the other, in the order of their start; the rest tends the orders meanwhile.

        Raises:
            NotWell: one does not come back; the others stay as they are.
        """
        for name in self._in_order(_names(update.services)):
            self._say(update, "trial", f"Restarting {name}")
            self.running.restart(name, self.settings.trial_s)
            if not self.running.services().get(name, {}).get("ready"):
                raise NotWell(f"{name} did not become ready.")

    def _restart_back(self, update: Update, names: list[str]) -> None:
        """As `_restart_all`; one that does not come back keeps no other from being moved."""
        for name in self._in_order(names):
            self._say(update, "rolling-back", f"Restarting {name}")
            with contextlib.suppress(NotRunningError):
                self.running.restart(name)

    def _in_order(self, names: list[str]) -> list[str]:
        return [name for name in self.running.services() if name in names]

    def _take_back_data(self, update: Update) -> list[str]:
        """Settings and tables that the version before cannot read; owners of the latter."""
        if not update.backup:
            return []
        backup = Path(update.backup)
        safeguard.take_back_settings(self.folder, self.home, update.previous, backup)
        newer = safeguard.newer_databases(self.folder, self.home.root, update.previous, backup)
        if newer:
            self._take_back_databases(update, newer)
        return newer

    def _take_back_databases(self, update: Update, owners: list[str]) -> None:
        concerned = [name for name in self.running.services() if _owner(name) in owners]
        self._say(update, "rolling-back", f"Bringing back the tables of {', '.join(owners)}")
        for name in reversed(concerned):
            self.running.stop(name)
        safeguard.take_back_databases(self.folder, self.home.root, update.previous, Path(update.backup))
        for name in concerned:
            self.running.start(name)

    def _watch(self, update: Update) -> None:
        """All that ran before runs again and stays up, and trade knows its orders.

        Raises:
            NotWell: it does not.
        """
        self._say(update, "trial", "Waiting until all services are ready")
        if not self._until_ready(update, self.settings.trial_s):
            raise NotWell(f"{self._missing(update)} did not become ready.")
        self._say(update, "trial", f"Watching for {self.settings.confirm_s:g} s")
        before = {name: one["restarts"] for name, one in self.running.services().items()}
        until = time.monotonic() + self.settings.confirm_s
        while time.monotonic() < until:
            time.sleep(min(_LOOK_EVERY_S, self.settings.confirm_s))
            self._look(update, before)
        self._look_at_orders(update)

    def _look(self, update: Update, before: dict[str, Any]) -> None:
        if self.running.version() != update.to:
            raise NotWell(f"The supervisor of {update.to} does not answer.")
        now = self.running.services()
        for name in _names(update.services):
            one = now.get(name)
            if one is None or not one["ready"]:
                raise NotWell(f"{name} is {one['state'] if one else 'gone'}: {one['reason'] if one else ''}")
            if one["restarts"] > before.get(name, 0):
                raise NotWell(f"{name} fell and was restarted: {one['reason']}")

    def _look_at_orders(self, update: Update) -> None:
        if "trade" not in _names(update.services):
            return
        try:
            known = self.running.known_orders()
        except (BusError, NotRunningError) as error:
            raise NotWell(f"trade does not answer: {error}") from error
        lost = [order for order in _names(update.open_orders) if order not in known]
        if lost:
            raise NotWell(f"trade does not know its orders any more: {', '.join(lost)}.")

    def _until_ready(self, update: Update, limit_s: float) -> bool:
        until = time.monotonic() + limit_s
        while self._missing(update):
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True

    def _missing(self, update: Update) -> str:
        now = self.running.services()
        return ", ".join(name for name in _names(update.services) if not now.get(name, {}).get("ready"))

    def trade_again(self, update: Update) -> None:
        """The trading state from before, unless a person has chosen another one meanwhile."""
        if not update.trading or update.trading == QUIET:
            return
        try:
            if self.running.portfolio().trading_state.state == QUIET:
                self.running.set_trading(update.trading, "the update is over")
        except (BusError, NotRunningError) as error:
            self.told(
                Progress(
                    state="trial",
                    version=update.to,
                    step=f"Trading stays {QUIET}, for trade is silent ({error}); `cryptobot resume` ends it",
                )
            )

    def _say(self, update: Update, state: str, step: str) -> None:
        self.told(Progress(state=state, version=update.to, step=step))


def _names(joined: str) -> list[str]:
    return [name for name in joined.split(",") if name]


def _owner(service: str) -> str:
    """Whose database a service uses: `strategy-2` is another process of strategy."""
    name, _, number = service.rpartition("-")
    return name if name and number.isdigit() else service
