"""What the commands `export …` have in common: options, and what they tell."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ...configs.errors import UsageError
from ..export.bundle import Written, write_homes
from ..export.plan import Plan, make
from .call import Call
from .output import note, print_json

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--out", type=click.Path(path_type=Path), required=True, help="Folder to write to; it may exist."
    ),
    click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="NAME=ADDRESS/SERVICES",
        help="A machine and what runs on it, such as core=10.0.0.1/bus,auth,dashboard (or "
        "core=10.0.0.1:7800/…, its first port). Once for each; else machines.hosts of the settings.",
    ),
    click.option(
        "--database",
        default="",
        metavar="URL",
        help="postgresql://user@host/name, without the password.  [default: database.url]",
    ),
    click.option(
        "--program",
        default="/usr/bin/cryptobot",
        show_default=True,
        help="Where `cryptobot` is on the machines.",
    ),
    click.option(
        "--home-there",
        default="/var/lib/cryptobot",
        show_default=True,
        metavar="DIR",
        help="The home on the machines.",
    ),
    click.option("--user", default="cryptobot", show_default=True, help="Who it runs as."),
)


def export_options(function: F) -> F:
    """The options of every export."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def carry_out(
    call: Call,
    out: Path,
    hosts: Sequence[str],
    asked: dict[str, str],
    render: Callable[[Plan, Path], list[Written]],
    *,
    named_by: str = "",
    as_json: bool,
) -> None:
    """Check, write, and say what was written.

    Raises:
        UsageError: something is missing or cannot be written.
        SettingsError: together the settings are wrong.
    """
    for option in ("program", "home_there"):
        if not asked[option].startswith("/"):
            raise UsageError(
                f"--{option.replace('_', '-')} {asked[option]} is not a whole path; begin it with /."
            )
    plan = make(call.home, hosts, named_by=named_by, **asked)
    written = write_homes(plan, out) + render(plan, out)
    machines = {
        name: {"address": one.address, "services": one.services, "ports": plan.ports(name)}
        for name, one in plan.machines.hosts.items()
    }
    if as_json:
        files = [{"path": str(one.path), "secret": one.secret} for one in written]
        print_json({"out": str(out), "machines": machines, "files": files})
        return
    for name, one in machines.items():
        note(f"{name} ({one['address']}): {', '.join(plan.machines.hosts[name].services)}")
    keys = sum(one.secret for one in written)
    note(f"{len(written)} files are in {out}; {keys} of them hold keys (mode 0600), keep them secret.")
    note(f"What to do with them: {next(one.path for one in written if one.path.name == 'INSTALL.txt')}")
