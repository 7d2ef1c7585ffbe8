"""cryptobot paper fault"""

import click

from ....bus.contracts.paper import InjectPaperFault, PaperFaults
from ....configs.errors import RequestFailedError, UsageError
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import Column, print_json, print_table


@click.command(cls=Command)
@click.argument("kind", default="")
@click.option("--target", default="", help='The calls it strikes, such as "POST /api/v3/order"; else any.')
@click.option("--count", default=1, show_default=True, help="How often it strikes.")
@click.option("--seconds", default=0.0, help="How long it holds or delays, or how far the clock is off.")
@json_option
@pass_call
def command(call: Call, kind: str, target: str, count: int, seconds: float, as_json: bool) -> None:
    """Let the paper exchange fail on purpose, to see what the platform does about it.

    Without KIND: what kinds there are, and what is switched on. `paper fault clear` switches all off.
    """
    wish = InjectPaperFault(kind=kind, target=target, count=count, seconds=seconds, actor=person())
    try:
        found = ask(call, "paper", wish, PaperFaults)
    except RequestFailedError as error:
        if error.code == "fault_unknown":
            raise UsageError(error.message) from error
        raise
    if as_json:
        print_json(found)
        return
    if not kind:
        kinds = [[name, meaning, str(found.struck.get(name, 0))] for name, meaning in found.kinds.items()]
        print_table((Column("kind"), Column("what happens"), Column("struck")), kinds, empty="")
    rows = [[x.kind, x.target or "any", str(x.count), f"{x.seconds:g}"] for x in found.active]
    columns = (Column("switched on"), Column("target"), Column("times left"), Column("seconds"))
    print_table(columns, rows, empty="No fault is switched on.")
