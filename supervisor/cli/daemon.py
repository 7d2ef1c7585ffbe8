"""The daemon of a home: is it there, and what does it say."""

from typing import Any

from ...configs.errors import NotRunningError, UsageError
from ...configs.paths import Home
from ..control.client import ControlClient


def connect(home: Home, *, timeout_s: float = 10.0) -> ControlClient:
    """A connection to the daemon.

    Raises:
        NotRunningError: no daemon runs in this home.
    """
    try:
        return ControlClient(home, timeout_s=timeout_s)
    except NotRunningError as error:
        left = orphans(home)
        if not left:
            raise
        raise NotRunningError(
            f"The supervisor of {home.root} is gone, but its services go on ({', '.join(left)}); "
            "`cryptobot up -d` takes them over, after that `cryptobot down` can stop them."
        ) from error


def orphans(home: Home) -> list[str]:
    """Services of this home that live on without their supervisor, by name; the next one adopts them."""
    from ..platform.choose import here
    from ..start.store import KEEPER, Store

    system = here()
    kept = Store(home, system.boot_id()).load() or {}
    alive = {name for name, one in kept.items() if one.born and system.born(one.pid) == one.born}
    alive.update(name for _, name in system.marked(str(home.root)))
    return sorted(alive - {KEEPER})


def status(home: Home) -> dict[str, Any]:
    """{"supervisor": {...}, "services": [...]}; raises NotRunningError."""
    with connect(home) as client:
        return client.status()


def running_pid(home: Home) -> int | None:
    """The daemon's pid; None when none runs."""
    try:
        return int(status(home)["supervisor"]["pid"])
    except NotRunningError:
        return None


def is_running(home: Home) -> bool:
    return running_pid(home) is not None


def require_running(home: Home) -> None:
    """Raises NotRunningError when no daemon runs in this home."""
    connect(home).close()


def refuse_second(home: Home) -> None:
    """Raises UsageError, naming the pid, when a daemon runs in this home."""
    pid = running_pid(home)
    if pid is not None:
        raise UsageError(
            f"CryptoBot already runs in {home.root} as pid {pid}. "
            "Stop it with `cryptobot down`, or take another home with --home DIR."
        )
