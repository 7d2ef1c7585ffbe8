"""cryptobot addon remove"""

import click

from ....configs.errors import SettingsError, UsageError
from ....configs.load import load
from ..call import Call, pass_call
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when the settings name something that it brings.")
@pass_call
def command(call: Call, name: str, force: bool) -> None:
    """Remove an installed add-on. Services that have loaded it keep it until they are restarted."""
    from ...install import addons

    users = [] if force else _users(call, name)
    if users:
        raise UsageError(f"{name} is in use by {users[0]}; change that first, or say --force.")
    receipt = addons.remove(call.home, name)
    note(f"{receipt.name} {receipt.version} is removed.")


def _users(call: Call, name: str) -> list[str]:
    """Settings that name what it brings."""
    from ...install import addons

    try:
        settings = load(call.home).settings
    except SettingsError:
        return []  # what is broken runs nothing
    receipts = (one.receipt for one in addons.list_all(call.home) if one.is_called(name))
    brings = next((receipt.provides for receipt in receipts if receipt), {})
    used = [
        f"strategy.instances.{run}"
        for run, instance in settings.strategy.instances.items()
        if instance.strategy in brings.get("strategies", ())
    ]
    brought = brings.get("connectors", ())
    used += ["data.exchange"] if settings.data.exchange in brought else []
    return used + [f"accounts.{name}" for name, one in settings.accounts.items() if one.venue in brought]
