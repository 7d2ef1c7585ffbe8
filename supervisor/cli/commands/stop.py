"""cryptobot stop"""

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
    """Stop SERVICE alone. It stays stopped until you start it.

    Those that require it go on and wait for it, as bus and trade are made for.
    """
    carry_out(
        call.home,
        "stop",
        service,
        group=group,
        only_plan=only_plan,
        timeout_s=timeout_s,
        as_json=as_json,
    )
