"""cryptobot secret set"""

import fnmatch

import click

from ....configs.load import load
from ....configs.paths import Home
from ....configs.schema import Settings
from ...catalogue.registry import load as load_manifests
from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..passwords import read_secret


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--rotate-days",
    type=click.IntRange(0, 3650),
    help="Remind after so long, 0 never; else as secrets.rotate_days says.",
)
@json_option
@pass_call
def command(call: Call, name: str, rotate_days: int | None, as_json: bool) -> None:
    """Keep a secret, such as binance.api_key. Its value is asked for, or read from stdin."""
    from ....configs.secret import Secret
    from ....configs.vault import Vault

    call.home.create()
    settings = load(call.home).settings
    days = settings.secrets.rotate_days if rotate_days is None else rotate_days
    kept = Vault(call.home).set(name, Secret(read_secret(f"Value of {name}")), rotate_days=days)
    if as_json:
        print_json(kept)
    else:
        note(f"{kept.name} is kept (version {kept.version}).")
        for service in users_of(call.home, settings, name) if daemon.is_running(call.home) else ():
            note(f"`cryptobot restart {service}` hands it over.")


def users_of(home: Home, settings: Settings, name: str) -> list[str]:
    """The services whose manifests name this secret."""
    enabled = [one for one in load_manifests(home, settings) if one.enabled]
    return [one.name for one in enabled if any(fnmatch.fnmatch(name, wanted) for wanted in one.secrets)]
