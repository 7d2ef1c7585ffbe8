"""start, stop and restart: one outcome, told one way."""

from typing import Any

from ...configs.errors import ServiceError
from ...configs.paths import Home
from . import daemon
from .output import note, print_json
from .services import check_service


def carry_out(home: Home, action: str, service: str, *, timeout_s: float, as_json: bool) -> None:
    """Ask the daemon, wait for the outcome, and tell it.

    Raises:
        NotRunningError: the platform does not run.
        UsageError: there is no such service.
        ServiceError: it could not be done in time; the service's own reason is told.
    """
    with daemon.connect(home) as client:
        check_service(home, service)
        operation = {"start": client.start, "stop": client.stop, "restart": client.restart}[action]
        operation(service, timeout_s=timeout_s)
        after = one_of(client.status(), service)
    if as_json:
        print_json(after)
    if action != "stop" and not after["ready"]:
        reason = after["reason"] or f"it is {after['state']}"
        raise ServiceError(
            f"{service} is not ready after {action}: {reason}. `cryptobot logs {service}` says more."
        )
    if not as_json:
        note(f"{service} is {after['state']}" + (f", pid {after['pid']}." if after["pid"] else "."))


def one_of(status: dict[str, Any], service: str) -> dict[str, Any]:
    """One service of a status; raises ServiceError when it is not in there."""
    for found in status["services"]:
        if found["name"] == service:
            return dict(found)
    raise ServiceError(f"{service} is not part of the running platform; see `cryptobot status`.")
