"""cryptobot update status"""

import time

import click

from ....bus.contracts.update import UpdateReport
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import print_json, size
from ..updates import report


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Show the version in use, the newest known one, and how far an update is. Asks nobody."""
    found = report(call)
    if as_json:
        print_json(found)
        return
    for line in lines(found):
        click.echo(line)


def lines(found: UpdateReport) -> list[str]:
    """What people read."""
    told = [f"version   {found.version}"]
    if found.managed:
        return [*told, found.managed]
    if found.newest:
        told.append(
            f"newest    {found.newest} ({size(found.newest_bytes)}), seen {_moment(found.checked_ms)}"
        )
    else:
        told.append("newest    not known; `cryptobot update check` asks")
    told.append(
        f"asks      {'once a day' if found.checks else 'only when you do'}: {found.address or 'no address'}"
    )
    if found.ready:
        told.append(f"ready     {found.ready}; `cryptobot update apply` switches to it")
    if found.previous:
        told.append(f"before    {found.previous}; `cryptobot update rollback` brings it back")
    if found.progress.state != "idle":
        told.append(f"under way {found.progress.version} {found.progress.state}: {found.progress.step}")
    elif found.progress.reason:
        told.append(f"failed    {found.progress.reason}")
    if found.last:
        reason = f": {found.last_reason}" if found.last_reason else ""
        told.append(f"last      {found.last_version} {found.last} {_moment(found.last_ms)}{reason}")
    return told


def _moment(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000))
