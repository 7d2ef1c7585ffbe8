"""cryptobot down"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import plan_option, show_steps
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for the end.")
@plan_option
@json_option
@pass_call
def command(call: Call, timeout_s: float, only_plan: bool, as_json: bool) -> None:
    """Stop all services in reverse order, and the supervisor. Returns when all are gone."""
    with daemon.connect(call.home) as client:
        if only_plan:
            show_steps(client.plan("shutdown"), as_json=as_json)
            return
        pid = client.status()["supervisor"]["pid"]
        client.shutdown(timeout_s=timeout_s)
    if as_json:
        print_json({"stopped": True, "pid": pid})
    else:
        note(f"CryptoBot in {call.home.root} has stopped.")
