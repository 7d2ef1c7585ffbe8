"""cryptobot scale"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import plan_option, show_steps
from ..group import Command


@click.command(cls=Command)
@click.argument("service")
@click.argument("count", type=click.IntRange(1, 100))
@plan_option
@json_option
@pass_call
def command(call: Call, service: str, count: int, only_plan: bool, as_json: bool) -> None:
    """Run COUNT instances of SERVICE. Those that stay keep their process; the newest go first."""
    with daemon.connect(call.home) as client:
        steps = client.plan("scale", service, count=count) if only_plan else client.scale(service, count)
    show_steps(steps, as_json=as_json, empty="It is so already.")
