"""cryptobot service remove"""

import click

from ....configs.errors import NotRunningError
from ...catalogue import addons
from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import plan_option, show_steps
from ..group import Command


@click.command(cls=Command)
@click.argument("name")
@plan_option
@json_option
@pass_call
def command(call: Call, name: str, only_plan: bool, as_json: bool) -> None:
    """Stop the service NAME, which was added, and forget it. Its log stays."""
    try:
        with daemon.connect(call.home) as client:
            steps = client.plan("remove", name) if only_plan else client.remove(name)
    except NotRunningError:
        path = addons.file_of(call.home, name)
        steps = [{"service": name, "action": "remove", "why": "asked for"}]
        if not only_plan:
            path.unlink()
    show_steps(steps, as_json=as_json)
