"""cryptobot up"""

import time

import click

from ....configs.errors import ServiceError
from ....configs.paths import Home
from ....configs.schema import Settings
from ...catalogue import registry
from ...unit import Raised, StateChange
from .. import daemon, web
from ..call import Call, json_option, pass_call, set_option
from ..control import plan_option, show_steps
from ..group import Command
from ..launching import Launched
from ..output import note, print_json
from ..prepare import prepare, refuse_missing
from ..progress import Progress, show, why_not_ready


@click.command(cls=Command)
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@click.option(
    "--timeout", "timeout_s", default=90.0, show_default=True, help="With -d: seconds to become ready."
)
@plan_option
@set_option
@json_option
@pass_call
def command(
    call: Call, detach: bool, timeout_s: float, only_plan: bool, overrides: tuple[str, ...], as_json: bool
) -> int:
    """Start the platform with the settings of this home.

    Without -d it stays in the foreground, as a service manager wants it, until Ctrl-C or SIGTERM; stopped
    by Ctrl-C before everything was ready, it exits with 1. Services that a dead supervisor left running are
    taken over; those whose settings have changed since are restarted, and --plan says which.
    """
    if only_plan:
        show_steps(_plan(call.home, overrides), as_json=as_json, empty="No service is enabled.")
        return 0
    settings = prepare(call.home, overrides, wizard=True)
    if detach:
        tell_stopped(call.home, settings, _detached(call.home, overrides, timeout_s, as_json))
        web.tell_setup(call.home)
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
            if event.name == "dashboard":
                web.tell_setup(home)
        elif event.reason:
            note(f"{event.name:<10} {event.state} ({event.reason})")

    code = run(home, settings, overrides=overrides, on_event=tell)
    end = " before everything was ready" if code else ""
    note(f"CryptoBot in {home.root} has stopped{end}.")
    return code


def _plan(home: Home, overrides: tuple[str, ...]) -> list[dict[str, str]]:
    """What a start would do; nothing is written."""
    from ....configs.load import load
    from ...platform.choose import here
    from ...requests.takeover import plan_start

    daemon.refuse_second(home)
    manifests = registry.load(home, load(home, overrides).settings)
    refuse_missing(manifests)
    return [
        {"service": step.service, "action": step.action, "why": step.why}
        for step in plan_start(home, manifests, here())
    ]


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
