"""cryptobot up"""

from importlib import import_module

import click

from ....configs import snapshot
from ....configs.errors import ServiceError
from ....configs.load import load
from ....configs.paths import Home
from ...registry import SUPERVISOR_TARGET
from ...registry import load as load_manifests
from .. import daemon
from ..call import Call, json_option, pass_call, set_option
from ..checks import refuse_taken_port
from ..group import Command
from ..output import note, print_json
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
    prepare(call.home, overrides)
    if detach:
        _detached(call.home, as_json)
        return 0
    note(f"Starting in {call.home.root}. Ctrl-C stops it; `cryptobot status` in another terminal shows it.")
    module, _, function = SUPERVISOR_TARGET.partition(":")
    code: int = getattr(import_module(module), function)(call.home)
    return code


def prepare(home: Home, overrides: tuple[str, ...]) -> None:
    """Check everything that can be checked before a process is started, and put the settings in force.

    Raises:
        SettingsError: the home cannot be written, a setting is wrong, or a port is taken.
        UsageError: a daemon runs already; its pid is named.
    """
    daemon.refuse_second(home)
    home.create()
    settings = load(home, overrides).settings
    load_manifests(home, settings)
    refuse_taken_port("dashboard.port", settings.dashboard.host, settings.dashboard.port)
    refuse_taken_port("paper.port", "127.0.0.1", settings.paper.port)
    snapshot.write(home, settings)


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
