"""cryptobot stop"""

import click

from ..call import Call, json_option, pass_call
from ..control import carry_out
from ..group import Command


@click.command(cls=Command)
@click.argument("service")
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the outcome."
)
@json_option
@pass_call
def command(call: Call, service: str, timeout_s: float, as_json: bool) -> None:
    """Stop SERVICE and what requires it. It stays stopped until you start it."""
    carry_out(call.home, "stop", service, timeout_s=timeout_s, as_json=as_json)
