"""cryptobot scale"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table
from ..services import check_service

COLUMNS = (Column("service"), Column("what"), Column("why"))


@click.command(cls=Command)
@click.argument("service")
@click.argument("count", type=click.IntRange(1, 1000))
@json_option
@pass_call
def command(call: Call, service: str, count: int, as_json: bool) -> None:
    """Run COUNT instances of SERVICE. Those that stay keep their process; the newest go first."""
    with daemon.connect(call.home) as client:
        check_service(call.home, service)
        steps = client.scale(service, count)
    if as_json:
        print_json(steps)
        return
    rows = [[step["service"], step["action"], step["why"]] for step in steps]
    print_table(COLUMNS, rows, empty="It is so already.")
