"""cryptobot analytics send"""

import click

from ....bus.contracts.analytics import ReportFile, SendReport
from ..addon import ask_addon
from ..call import Call, pass_call, person
from ..group import Command
from ..output import note

_PATIENCE_S = 60.0


@click.command(cls=Command)
@click.argument("name")
@pass_call
def command(call: Call, name: str) -> None:
    """Make the planned report NAME now, of the time since it was last due, and send it as a notice.

    Who gets it is said by the rules of the notify service, for the topic report.NAME.
    """
    wish = SendReport(name=name, actor=person())
    made = ask_addon(call, "analytics", wish, ReportFile, timeout_s=_PATIENCE_S)
    note(f"{made.name} was made and handed to the notify service.")
