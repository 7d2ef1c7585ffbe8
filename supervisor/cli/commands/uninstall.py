"""cryptobot uninstall"""

import sys
from typing import TYPE_CHECKING, Literal

import click

from ....configs import accounts
from ....configs.errors import CryptoBotError, UsageError
from ....configs.load import load
from ....configs.paths import Home
from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json, size
from ..system_service import name_option

if TYPE_CHECKING:
    from ...install.uninstalling import Plan
    from ...platform.services.base import ServiceManager

Data = Literal["keep", "delete"]


@click.command(cls=Command)
@click.option("--keep-data", "data", flag_value="keep", help="Leave the home with everything in it.")
@click.option("--delete-data", "data", flag_value="delete", help="Delete what CryptoBot made in the home.")
@click.option("--yes", is_flag=True, help="Do not ask; without --delete-data the data stays.")
@click.option("--plan", "only_plan", is_flag=True, help="Only list what is there.")
@name_option
@json_option
@pass_call
def command(call: Call, data: Data | None, yes: bool, only_plan: bool, name: str, as_json: bool) -> None:
    """Take CryptoBot off this machine: its service, its shortcuts, and the data if you say so.

    Everything is listed first. The program itself is removed by whoever brought it (apt, pip, …); the
    command for that is told. It refuses while CryptoBot runs.
    """
    from ...install import uninstalling
    from ...install.shortcuts import shortcuts_here

    _refuse_running(call.home)
    managers, shortcuts = _managers(call.home, name), shortcuts_here()
    plan = uninstalling.look(call.home, managers, shortcuts, _venue(call.home))
    if not as_json:
        _tell(plan)
    if only_plan:
        if as_json:
            print_json(_document(plan, []))
        return
    chosen = _ask(plan, data, yes)
    if chosen is None:
        note("Nothing was removed.")
        return
    told = uninstalling.carry_out(plan, managers, shortcuts, delete_data=chosen == "delete")
    if as_json:
        print_json(_document(plan, told))
    for sentence in told:
        note(sentence)
    note(f"The program itself is still there; to remove it: {plan.program}")


def _refuse_running(home: Home) -> None:
    if daemon.is_running(home) or daemon.orphans(home):
        raise UsageError(f"CryptoBot runs in {home.root}; stop it first with `cryptobot down`.")


def _managers(home: Home, name: str) -> "list[ServiceManager]":
    """The user's service and the machine's, where there can be one."""
    from ...platform.services.choose import manager_here

    one_scope = sys.platform == "win32" or not home.root.exists()
    scopes = (None,) if one_scope else (False, True)
    return [manager_here(home, name, whole_machine=scope) for scope in scopes]


def _venue(home: Home) -> str:
    try:
        settings = load(home).settings
    except CryptoBotError:
        return "the exchange"  # broken settings tell nothing, so the person is warned
    venues = dict.fromkeys(accounts.venue_of(settings, name) for name in accounts.names(settings))
    return " and ".join(venue for venue in venues if not venue.startswith("paper"))


def _tell(plan: "Plan") -> None:
    note(f"CryptoBot in {plan.home.root}")
    for service in plan.services:
        note(f"  service    {service}, stopped and removed")
    for shortcut in plan.shortcuts:
        note(f"  shortcut   {shortcut}")
    for part in plan.parts:
        note(f"  data       {part.path}: {part.what} ({part.files} files, {size(part.size)})")
    for path in plan.unknown:
        note(f"  stays      {path}: not made by CryptoBot")
    if not (plan.services or plan.shortcuts or plan.parts):
        note("  nothing")
    note(f"  program    by hand: {plan.program}")
    if plan.venue:
        note(f"Orders and positions at {plan.venue} stay as they are; CryptoBot will tend them no more.")


def _ask(plan: "Plan", data: Data | None, yes: bool) -> Data | None:
    """What becomes of the data; None when the person does not want to go on."""
    if yes:
        return data or "keep"
    if not sys.stdin.isatty():
        raise UsageError(
            "There is nobody to ask; look with --plan, then say --yes with --keep-data or --delete-data."
        )
    if data is None and plan.parts:
        deleting = click.confirm("Delete the data as well? It cannot be brought back.", err=True)
        data = "delete" if deleting else "keep"
    question = "Remove all of this?" if data == "delete" else "Remove this, and keep the data?"
    return (data or "keep") if click.confirm(question, err=True) else None


def _document(plan: "Plan", done: list[str]) -> dict[str, object]:
    return {
        "home": str(plan.home.root),
        "services": plan.services,
        "shortcuts": plan.shortcuts,
        "data": [
            {"path": str(part.path), "what": part.what, "files": part.files, "bytes": part.size}
            for part in plan.parts
        ],
        "unknown": [str(path) for path in plan.unknown],
        "venue": plan.venue,
        "program": plan.program,
        "done": done,
    }
