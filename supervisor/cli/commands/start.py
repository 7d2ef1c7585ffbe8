"""cryptobot start"""

import click

from ..call import Call, json_option, pass_call
from ..control import carry_out, group_option, plan_option
from ..group import Command


@click.command(cls=Command)
@click.argument("service", required=False)
@group_option
@plan_option
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the outcome."
)
@json_option
@pass_call
def command(
    call: Call, service: str | None, group: str, only_plan: bool, timeout_s: float, as_json: bool
) -> None:
    """Start SERVICE and what it requires; returns when it is ready."""
    carry_out(
        call.home,
        "start",
        service,
        group=group,
        only_plan=only_plan,
        timeout_s=timeout_s,
        as_json=as_json,
    )
