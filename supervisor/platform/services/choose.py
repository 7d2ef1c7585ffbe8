"""The service manager of this operating system."""

import sys

from ....configs.errors import UsageError
from ....configs.frozen import lasting_program
from ....configs.paths import Home
from .base import Installation, Runner, ServiceManager, run_command


def manager_here(
    home: Home,
    name: str,
    *,
    whole_machine: bool | None,
    autostart: bool = True,
    start: bool = True,
    runner: Runner = run_command,
) -> ServiceManager:
    """The adapter for this machine.

    Args:
        whole_machine: a service of the machine, or (False) of this user; None takes what is usual here.
        autostart: whether it starts by itself.
        start: whether it starts now.

    Raises:
        UsageError: this scope does not exist here, or the home that the service needs does not.
    """
    if sys.platform == "win32":
        from .windows import WindowsService

        if whole_machine is False:
            raise UsageError("Windows has services of the machine only; leave --user out.")
        what = Installation(name, home, lasting_program(), autostart=autostart, start=start)
        return WindowsService(what, runner=runner)
    machine = bool(whole_machine)
    what = Installation(name, home, lasting_program(), _owner(home) if machine else "", autostart, start)
    if sys.platform == "darwin":
        from .launchd import Launchd

        return Launchd(what, whole_machine=machine, runner=runner)
    from .systemd import Systemd

    return Systemd(what, whole_machine=machine, runner=runner)


def _owner(home: Home) -> str:
    """Who the home belongs to: that user runs the service."""
    if sys.platform == "win32":
        return ""
    import pwd

    try:
        number = home.root.stat().st_uid
    except OSError as error:
        raise UsageError(
            f"The home {home.root} does not exist yet. Name it with --home DIR, and make it as the user who "
            f"shall run the service: `cryptobot --home {home.root} up`, then `down`."
        ) from error
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
