"""Windows: a service of the machine, made with sc.exe, and held by `windows_host`."""

import sys
from collections.abc import Callable

from ....configs.errors import UsageError
from .base import DESCRIPTION, Installation, Runner, ServiceManager, command_line

_NO_SUCH_SERVICE, _NOT_RUNNING = 1060, 1062


class WindowsService(ServiceManager):
    """Makes the service with delayed automatic start and restarts after failures.

    Args:
        is_administrator: whether this process may do so.
    """

    def __init__(
        self,
        what: Installation,
        *,
        runner: Runner,
        is_administrator: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(what, whole_machine=True, runner=runner)
        self._is_administrator = is_administrator or _is_administrator

    def commands(self) -> list[list[str]]:
        """What `install` runs, in order. sc.exe wants `key=` and its value as two words."""
        name = self.what.name
        path = command_line([*self.what.program, "service", "host", name, str(self.what.home.root)])
        return [
            [
                "sc.exe",
                "create",
                name,
                "binPath=",
                path,
                "start=",
                "delayed-auto" if self.what.autostart else "demand",
                "DisplayName=",
                "CryptoBot",
            ],
            ["sc.exe", "description", name, DESCRIPTION],
            [
                "sc.exe",
                "failure",
                name,
                "reset=",
                "300",
                "actions=",
                "restart/1000/restart/5000/restart/30000",
            ],
            ["sc.exe", "failureflag", name, "1"],
            *([["sc.exe", "start", name]] if self.what.start else []),
        ]

    def definition(self) -> str:
        return "".join(command_line(words) + "\n" for words in self.commands())

    def check(self) -> None:
        if not self._is_administrator():
            raise UsageError("A Windows service needs an administrator: open the terminal as one.")

    def installed(self) -> bool:
        return self.runner(["sc.exe", "query", self.what.name]).code != _NO_SUCH_SERVICE

    def is_ours(self) -> bool:
        outcome = self.runner(["sc.exe", "qc", self.what.name])
        return outcome.code == 0 and str(self.what.home.root).lower() in outcome.said.lower()

    def install(self) -> list[str]:
        if self.installed():
            raise UsageError(
                f"There is a service {self.what.name} already; `cryptobot service uninstall` removes it, "
                "--name NAME makes one beside it."
            )
        for words in self.commands():
            self.demand(words)
        later = "starts with the machine" if self.what.autostart else "later when you start it"
        now = "runs now" if self.what.start else "is made"
        return [f"The service {self.what.name} {now}, and {later}."]

    def uninstall(self) -> list[str]:
        name = self.what.name
        if not self.installed():
            raise UsageError(f"There is no service {name}.")
        stop = ["sc.exe", "stop", name]
        outcome = self.runner(stop)
        if outcome.code not in (0, _NOT_RUNNING):
            self.failed(stop, outcome)
        self.demand(["sc.exe", "delete", name])
        return [f"The service {name} is stopped and removed; {self.what.home.root} stays as it is."]


def _is_administrator() -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    return bool(ctypes.windll.shell32.IsUserAnAdmin())
