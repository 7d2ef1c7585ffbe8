"""cryptobot up"""

import time

import click

from ....configs.errors import ServiceError
from ....configs.paths import Home
from ....configs.schema import Settings
from ...unit import Raised, StateChange
from .. import daemon
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import note, print_json
from ..prepare import prepare
from ..progress import Progress, show


@click.command(cls=Command)
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@set_option
@json_option
@pass_call
def command(call: Call, detach: bool, overrides: tuple[str, ...], as_json: bool) -> int:
    """Start the platform with the settings of this home.

    Without -d it stays in the foreground, as a service manager wants it, until Ctrl-C or SIGTERM.
    """
    settings = prepare(call.home, overrides)
    if detach:
        _detached(call.home, as_json)
        return 0
    return _foreground(call.home, settings, overrides)


def _foreground(home: Home, settings: Settings, overrides: tuple[str, ...]) -> int:
    from ...daemon import run

    note(f"Starting in {home.root}. Ctrl-C stops it; `cryptobot status` in another terminal shows it.")
    began = time.monotonic()

    def tell(event: StateChange | Raised) -> None:
        if isinstance(event, Raised):
            note(f"{event.severity}: {event.title} ({event.detail})")
        elif event.ready:
            note(f"{event.name:<10} ready after {time.monotonic() - began:.1f} s")
        elif event.reason:
            note(f"{event.name:<10} {event.state} ({event.reason})")

    code = run(home, settings, overrides=overrides, on_event=tell)
    note(f"CryptoBot in {home.root} has stopped.")
    return code


def _detached(home: Home, as_json: bool) -> None:
    launched = daemon.Launched(home, leashed=False)
    progress = Progress()
    with launched.connect() as client:
        show(client.events(), progress)
    if as_json:
        print_json({"pid": launched.pid, "ready_s": progress.ready_after})
    if progress.failed:
        told = "; ".join(f"{one['name']}: {one['reason']}" for one in progress.failed)
        raise ServiceError(
            f"Not everything could be started ({told}). The rest runs; see `cryptobot status`."
        )
    note(f"CryptoBot runs in {home.root} as pid {launched.pid}.")
