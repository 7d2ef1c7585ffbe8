"""cryptobot audit verify"""

import click
import msgspec

from ....bus.contracts.auth import AuditReport, VerifyAudit
from ....bus.contracts.trade import ActionsReport
from ....configs.errors import CryptoBotError
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..delegate import load
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Check that nobody changed or removed an entry of the audit log. Exits with 1 when somebody did.

    The trading actions have a chain of their own in trade's database, which is checked as well, also when
    nothing runs.
    """
    trading: ActionsReport = load("cryptobot.services.trade.why:verify")(call.home)
    if not trading.ok:
        raise CryptoBotError(
            f"The trading actions were changed at entry {trading.wrong_number}: {trading.reason}."
        )
    if not as_json:
        note(f"The trading actions are as they were written ({trading.entries}).")
    found = ask(call, "auth", VerifyAudit(), AuditReport, timeout_s=60.0)
    if as_json:
        print_json({**msgspec.to_builtins(found), "trading": msgspec.to_builtins(trading)})
    if not found.ok:
        raise CryptoBotError(f"The audit log was changed at entry {found.wrong_number}: {found.reason}.")
    if not as_json:
        note(f"The entries of the audit log are as they were written ({found.entries}).")
