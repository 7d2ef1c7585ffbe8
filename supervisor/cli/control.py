"""start, stop and restart: one outcome, told one way; and the plan of an action before it is done."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from ...configs.errors import ServiceError, UsageError
from ...configs.paths import Home
from . import daemon
from .output import Column, note, print_json, print_table

_COLUMNS = (Column("service"), Column("what"), Column("why"))

plan_option = click.option(
    "--plan", "only_plan", is_flag=True, help="Show what would be done and why, and do nothing."
)
group_option = click.option("--group", default="", metavar="NAME", help="All services of this group.")


def show_steps(
    steps: Iterable[dict[str, Any]], *, as_json: bool, empty: str = "Nothing is to be done."
) -> None:
    """Print the steps of a plan, planned or carried out."""
    found = list(steps)
    if as_json:
        print_json(found)
        return
    print_table(_COLUMNS, [[step["service"], step["action"], step["why"]] for step in found], empty=empty)


def carry_out(
    home: Home,
    action: str,
    service: str | None,
    *,
    group: str,
    only_plan: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Ask the daemon, wait for the outcome, and tell it; or show the plan alone.

    Raises:
        NotRunningError: the platform does not run.
        UsageError: there is no such service or group, or none is named.
        ServiceError: it could not be done in time; the service's own reason is told.
    """
    name = chosen(service, group)
    with daemon.connect(home) as client:
        if only_plan:
            show_steps(client.plan(action, name, group=group), as_json=as_json)
            return
        operations: dict[str, Callable[..., dict[str, Any]]] = {
            "start": client.start,
            "stop": client.stop,
            "restart": client.restart,
        }
        answer = operations[action](name, group=group, timeout_s=timeout_s)
    _tell(action, answer["services"], whole=bool(group), as_json=as_json)


def chosen(service: str | None, group: str) -> str:
    """The service that is named, or "" when a group is.

    Raises:
        UsageError: neither or both are.
    """
    if bool(service) == bool(group):
        command = click.get_current_context().command_path
        raise UsageError(f"Name one service, or a group with --group NAME. `{command} --help` shows how.")
    return service or ""


def _tell(action: str, services: list[dict[str, Any]], *, whole: bool, as_json: bool) -> None:
    if as_json:
        print_json(services if whole else services[0])
    for after in services:
        name = after["name"]
        if action != "stop" and not after["ready"]:
            reason = after["reason"] or f"it is {after['state']}"
            raise ServiceError(
                f"{name} is not ready after {action}: {reason}. `cryptobot logs {name}` says more."
            )
        if not as_json:
            note(f"{name} is {after['state']}" + (f", pid {after['pid']}." if after["pid"] else "."))
