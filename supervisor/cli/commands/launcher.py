"""cryptobot launcher"""

import contextlib
import sys

import click

from ....configs.errors import CryptoBotError, UsageError
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import print_json


@click.command(cls=Command)
@click.option("--text", "as_text", is_flag=True, help="A menu of text instead of a window.")
@click.option(
    "--do",
    "actions",
    multiple=True,
    metavar="ACTION",
    help="With --text: do this and end: status, start, stop, dashboard, logs [SERVICE], presets, "
    "preset NAME, doctor, mend. May be given several times.",
)
@json_option
@pass_call
def command(call: Call, as_text: bool, actions: tuple[str, ...], as_json: bool) -> int:
    """Start, stop and watch the platform in a small window.

    It shows the services as they change, their logs, starts to choose from, and what the doctor finds. The
    platform goes on when the window is closed. With --text the same by a menu; it reads its choices from
    stdin, a line each. With --do and --json: what the last action found.
    """
    if as_text or actions:
        return _text(call, actions, as_json)
    if as_json:
        raise UsageError("--json belongs to --text --do ACTION.")
    from ...launcher.screen import why_no_window

    reason = why_no_window()
    if reason:
        raise CryptoBotError(reason)
    from ...launcher.window import show

    return show(call.home)


def _text(call: Call, actions: tuple[str, ...], as_json: bool) -> int:
    from ...launcher.presenter import Presenter
    from ...launcher.text import TextLauncher

    if as_json and not actions:
        raise UsageError("--json needs --do ACTION.")
    with contextlib.closing(Presenter(call.home)) as presenter:
        launcher = TextLauncher(presenter, sys.stderr if as_json else sys.stdout)
        if not actions:
            return launcher.menu(sys.stdin, asking=sys.stdin.isatty())
        for action in actions:
            launcher.act(action)
        if as_json:
            print_json(launcher.facts)
    return 0
