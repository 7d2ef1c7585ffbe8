"""cryptobot setup"""

import sys

import click

from ....configs.errors import CryptoBotError
from ....configs.load import load
from .. import daemon, delegate
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..system_service import name_option


@click.command(cls=Command)
@click.option("--autostart/--no-autostart", default=None, help="Start CryptoBot at login from now on.")
@click.option("--shortcuts/--no-shortcuts", default=None, help="Put it into your applications menu.")
@name_option
@json_option
@pass_call
def command(call: Call, autostart: bool | None, shortcuts: bool | None, name: str, as_json: bool) -> None:
    """Make everything that the first start needs: folders, permissions, keys, the dashboard's certificate.

    `up` and `demo` do that by themselves; this does it beforehand, tells each step, and offers to start
    CryptoBot at login and to put it into the menu. It asks on a terminal only. A second time it changes
    nothing. Password, goal and market are chosen in the browser after the first `cryptobot up`.
    """
    from ...install.firstrun import prepare_home

    daemon.refuse_second(call.home)
    steps = prepare_home(
        call.home,
        load(call.home).settings.dashboard.host,
        delegate.load("cryptobot.dashboard.tls:names_for"),
        delegate.load("cryptobot.dashboard.tls:ensure"),
    )
    for step in steps:
        note(f"{step.name:<12} {'made' if step.made else 'in order'}: {step.detail}")
    in_menu = _wanted(shortcuts, "Put CryptoBot into your applications menu?", as_json) and _shortcuts()
    starts = _wanted(autostart, "Start CryptoBot now, and whenever you log in?", as_json)
    starts = starts and _autostart(call, name)
    if as_json:
        rows = [{"name": step.name, "made": step.made, "detail": step.detail} for step in steps]
        home = str(call.home.root)
        print_json({"home": home, "steps": rows, "autostart": starts, "shortcuts": in_menu})
    elif not starts:
        note("All is ready. `cryptobot up -d` starts it, `cryptobot demo` shows it at work.")


def _wanted(given: bool | None, question: str, as_json: bool) -> bool:
    if given is not None:
        return given
    return not as_json and sys.stdin.isatty() and click.confirm(question, default=False, err=True)


def _autostart(call: Call, name: str) -> bool:
    from ...platform.services.choose import manager_here

    manager = manager_here(call.home, name, whole_machine=None)
    manager.check()
    for sentence in manager.install():
        note(sentence)
    return True


def _shortcuts() -> bool:
    from ...install.origin import installed_by
    from ...install.shortcuts import shortcuts_here

    origin = installed_by()
    if origin in ("deb", "rpm", "nsis"):
        raise CryptoBotError(f"The {origin} package has put CryptoBot into the menu already.")
    for made in shortcuts_here().add():
        note(f"Made {made}")
    return True
