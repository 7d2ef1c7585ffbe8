"""cryptobot status"""

from typing import Any

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, duration, note, print_json, print_table, size
from ..styles import state_style

COLUMNS = (
    Column("service"),
    Column("state", style=state_style),
    Column("pid", right=True),
    Column("up", right=True),
    Column("restarts", right=True),
    Column("CPU", right=True),
    Column("memory", right=True),
    Column("health"),
    Column("reason"),
)


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Show the state of every service.

    With --json: {"supervisor": {"pid", "state", …}, "services": [{"name", "state", "ready", "pid",
    "uptime_s", "restarts", "cpu_percent", "rss_bytes", "health", "reason", "pss_bytes", "threads",
    "open_files", "disk_bytes", …}], "total": {…}}; with services on other machines also
    "elsewhere": [{"name", "machine", "state", "heard_s", "within_reach", …}]. Exits
    with 3 when the platform does not run.
    """
    found = daemon.status(call.home)
    if as_json:
        print_json(found)
        return
    print_table(COLUMNS, [row(service) for service in found["services"]], empty="There are no services.")
    for service in found.get("elsewhere", ()):
        note(elsewhere(service))
    supervisor = found["supervisor"]
    up = duration(supervisor["uptime_s"])
    if "total" in found:
        note(uses(found["total"]))
    note(f"Supervisor {supervisor['state']}, pid {supervisor['pid']}, up {up}, home {call.home.root}")


def uses(total: dict[str, Any]) -> str:
    """What services and supervisor use together; memory of their own where it has been measured."""
    own = f" ({size(total['pss_bytes'])} of their own)" if total["pss_bytes"] else ""
    return (
        f"All together: {total['cpu_percent']:.1f} % CPU, {size(total['rss_bytes'])} of memory{own}, "
        f"{total['threads']} threads, {total['open_files']} open files, {size(total['disk_bytes'])} of files"
    )


def elsewhere(service: dict[str, Any]) -> str:
    """A service on another machine: where, how, and when it was last heard."""
    heard = "never heard" if service["heard_s"] is None else f"heard {duration(service['heard_s'])} ago"
    reach = "" if service["within_reach"] else ", out of reach"
    return f"{service['name']} on {service['machine']}: {service['state']}, {heard}{reach}"


def row(service: dict[str, Any]) -> list[object]:
    alive = service["pid"] > 0
    return [
        service["name"],
        service["state"],
        service["pid"] if alive else None,
        duration(service["uptime_s"]) if alive else None,
        service["restarts"],
        f"{service['cpu_percent']:.1f} %" if alive else None,
        size(service["rss_bytes"]) if alive else None,
        service["health"] or None,
        service["reason"],
    ]
