"""cryptobot up"""

import time

import click

from ....configs.errors import ServiceError
from ....configs.paths import Home
from ....configs.schema import Settings
from ... import registry
from ...unit import Raised, StateChange
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..launching import Launched
from ..output import note, print_json
from ..prepare import prepare
from ..progress import Progress, show, why_not_ready


@click.command(cls=Command)
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@click.option(
    "--timeout", "timeout_s", default=90.0, show_default=True, help="With -d: seconds to become ready."
)
@set_option
@json_option
@pass_call
def command(call: Call, detach: bool, timeout_s: float, overrides: tuple[str, ...], as_json: bool) -> int:
    """Start the platform with the settings of this home.

    Without -d it stays in the foreground, as a service manager wants it, until Ctrl-C or SIGTERM.
    """
    settings = prepare(call.home, overrides)
    if detach:
        tell_stopped(call.home, settings, _detached(call.home, overrides, timeout_s, as_json))
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


def tell_stopped(home: Home, settings: Settings, progress: Progress) -> None:
    """What a person stopped earlier stays stopped; better said than wondered about."""
    enabled = {manifest.name for manifest in registry.load(home, settings) if manifest.enabled}
    for name, service in progress.services.items():
        if service["state"] == "STOPPED" and name in enabled:
            note(f"{name} stays stopped, as you left it; `cryptobot start {name}` starts it.")


def _detached(home: Home, overrides: tuple[str, ...], timeout_s: float, as_json: bool) -> Progress:
    launched = Launched(home, leashed=False, overrides=overrides)
    progress = Progress()
    with launched.connect() as client:
        show(client, progress, timeout_s=timeout_s)
    if as_json:
        print_json({"pid": launched.pid, "home": str(home.root), "ready_s": progress.ready_after})
    if not progress.settled:
        raise ServiceError(
            f"Not everything is ready: {why_not_ready(home, progress)}. "
            "The rest runs; `cryptobot status` shows it, `cryptobot down` stops it."
        )
    note(f"CryptoBot runs in {home.root} as pid {launched.pid}.")
    return progress
