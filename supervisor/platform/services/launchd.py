"""macOS: a property list for launchd, a daemon of the machine or an agent of one user."""

import os
import plistlib
from pathlib import Path
from typing import Any

from ....configs.errors import UsageError
from .base import STOP_TIMEOUT_S, Installation, Runner, ServiceManager


class Launchd(ServiceManager):
    """Writes the list and loads it.

    Args:
        folder: of the lists; without it launchd's own for that scope.
        user_id: of the person who installs.
    """

    def __init__(
        self,
        what: Installation,
        *,
        whole_machine: bool,
        runner: Runner,
        folder: Path | None = None,
        user_id: int | None = None,
    ) -> None:
        super().__init__(what, whole_machine=whole_machine, runner=runner)
        self.label = f"org.{what.name}.daemon"
        self.path = (folder or _folder(whole_machine)) / f"{self.label}.plist"
        self._user_id = os.getuid() if user_id is None else user_id
        self.domain = "system" if whole_machine else f"gui/{self._user_id}"

    def properties(self) -> dict[str, Any]:
        """The keys of launchd.plist(5); services outlive the supervisor, so their group is left alone."""
        log = str(self.what.home.logs / "launchd.log")
        return {
            "Label": self.label,
            "ProgramArguments": self.what.words,
            "WorkingDirectory": str(self.what.home.root),
            "RunAtLoad": self.what.autostart,
            "KeepAlive": {"SuccessfulExit": False},
            "AbandonProcessGroup": True,
            "ExitTimeOut": STOP_TIMEOUT_S,
            "Umask": 0o077,
            "StandardOutPath": log,
            "StandardErrorPath": log,
            **({"UserName": self.what.user} if self.what.user else {}),
        }

    def definition(self) -> str:
        return plistlib.dumps(self.properties(), sort_keys=False).decode()

    def check(self) -> None:
        if self.whole_machine and self._user_id != 0:
            raise UsageError(
                "A daemon of the machine needs root: use sudo (and name the home with --home DIR), "
                "or install your own agent with --user."
            )

    def installed(self) -> bool:
        return self.path.exists()

    def is_ours(self) -> bool:
        return self.path.exists() and self._is_ours(self.path.read_text(encoding="utf-8"))

    def install(self) -> list[str]:
        self.prepare_home()
        self.write(self.path, same_home=self._is_ours)
        if not self.what.start:
            return [f"{self.path} is written; {self.label} is loaded at the next login or start."]
        self.attempt(["launchctl", "bootout", f"{self.domain}/{self.label}"])  # an older one, if loaded
        self.demand(["launchctl", "bootstrap", self.domain, str(self.path)])
        if not self.what.autostart:
            self.demand(["launchctl", "kickstart", f"{self.domain}/{self.label}"])
            return [f"{self.path} is written; {self.label} runs now, and later when you start it."]
        return [f"{self.path} is written; {self.label} runs and starts by itself from now on."]

    def uninstall(self) -> list[str]:
        self.require_file(self.path)
        self.demand(["launchctl", "bootout", f"{self.domain}/{self.label}"])
        self.remove(self.path)
        return [f"{self.label} is stopped and removed; {self.what.home.root} stays as it is."]

    def _is_ours(self, text: str) -> bool:
        found = plistlib.loads(text.encode())
        return bool(found.get("ProgramArguments", [])[-3:] == self.what.ending)


def _folder(whole_machine: bool) -> Path:
    return Path("/Library/LaunchDaemons") if whole_machine else Path.home() / "Library" / "LaunchAgents"
