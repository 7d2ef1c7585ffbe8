"""cryptobot audit verify"""

import click

from ....bus.contracts.auth import AuditReport, VerifyAudit
from ....configs.errors import CryptoBotError
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """Check that nobody changed or removed an entry of the audit log. Exits with 1 when somebody did."""
    found = ask(call, "auth", VerifyAudit(), AuditReport, timeout_s=60.0)
    if as_json:
        print_json(found)
    if not found.ok:
        raise CryptoBotError(f"The audit log was changed at entry {found.wrong_number}: {found.reason}.")
    if not as_json:
        note(f"All {found.entries} entries are as they were written.")
