"""cryptobot dashboard"""

import sys

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..web import address, initial_password, open_browser, setup_address


@click.command(cls=Command)
@click.option("--open/--no-open", "opening", default=False, help="Open it in the browser.")
@json_option
@pass_call
def command(call: Call, opening: bool, as_json: bool) -> None:
    """Print the dashboard's address, and the first password as long as it was not changed."""
    daemon.require_running(call.home)
    url = address(call.home)
    password = initial_password(call.home)
    if as_json:
        told = {"url": url, "user": "admin", "initial_password": password, "setup": setup_address(call.home)}
        print_json(told)
        return
    sys.stdout.write(url + "\n")
    setup = setup_address(call.home)
    if setup:
        note(f"The first-run wizard, once: {setup}")
    elif password:
        note(f"User admin, first password {password} (from {call.home.keys / 'initial-password'}).")
    note("Its certificate was made on this machine, so the browser will ask once.")
    if opening and not open_browser(url):
        note("There is no screen here to open a browser on.")
