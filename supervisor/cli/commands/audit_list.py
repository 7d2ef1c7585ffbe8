"""cryptobot audit list"""

import click

from ....bus.contracts.auth import AuditLog, ListAudit
from .. import ccxt_names
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (
    Column("no", right=True),
    Column("time"),
    Column("kind"),
    Column("who"),
    Column("did"),
    Column("what"),
    Column("ok"),
)


@click.command(cls=Command)
@click.option("--kind", default="", help="login, trading, config, system or user.")
@click.option("--actor", default="", help="Only what this one did.")
@click.option("--search", default="", help="Only entries with this text.")
@click.option("--since", type=moment, metavar="TIME", help="Only from then on: 5m, 2h, 1d ago, or a time.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Newest ones.")
@json_option
@pass_call
def command(
    call: Call, kind: str, actor: str, search: str, since: float | None, limit: int, as_json: bool
) -> None:
    """List who did what, newest first."""
    wish = ListAudit(kind=kind, actor=actor, search=search, since_ms=int((since or 0) * 1000), limit=limit)
    found = ask(call, "auth", wish, AuditLog).entries
    if as_json:
        print_json(found)
        return
    rows = [
        [one.number, ccxt_names.iso(one.ts_ms)[:19].replace("T", " "), one.kind, one.actor, one.action,
         f"{one.subject} {one.detail}".strip(), "yes" if one.ok else "no"]
        for one in found
    ]  # fmt: skip
    print_table(COLUMNS, rows, empty="Nobody did anything of that.")
