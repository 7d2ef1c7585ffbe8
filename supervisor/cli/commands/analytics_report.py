"""cryptobot analytics report"""

import sys
from pathlib import Path

import click

from ....bus.contracts.analytics import MakeReport, ReportFile
from ....configs import files
from ....configs.errors import CryptoBotError
from ..addon import ask_addon
from ..call import Call, pass_call
from ..durations import moment
from ..group import Command
from ..output import note

FORMATS = ("html", "json", "csv", "parquet")
TABLES = ("days", "trades", "groups", "contributions")
_PATIENCE_S = 120.0


@click.command(cls=Command)
@click.option("--from", "since", type=moment, metavar="TIME", help="Beginning: 30d (ago), or 2026-01-31.")
@click.option("--to", "until", type=moment, metavar="TIME", help="End; now without it.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True, help="Form.")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="days",
    show_default=True,
    help="Which, for csv and parquet.",
)
@click.option("--benchmark", default="", metavar="MARKET", help="Compare with this market, such as BTC/USDT.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead.")
@pass_call
def command(
    call: Call,
    since: float | None,
    until: float | None,
    form: str,
    table: str,
    benchmark: str,
    output: Path | None,
) -> None:
    """Write a report of any period: returns, risk, costs, who made the money, beside buy and hold.

    html is one page that needs no network; json holds everything; csv and parquet hold one table. Without
    --output the file stays in the home's folder `reports`, and its path is printed. `--output -` prints csv
    and json.
    """
    wish = MakeReport(
        from_ms=int((since or 0) * 1000),
        to_ms=int((until or 0) * 1000),
        benchmark=benchmark,
        format=form,
        table=table,
    )
    made = ask_addon(call, "analytics", wish, ReportFile, timeout_s=_PATIENCE_S)
    path = call.home.root / "reports" / made.name
    try:
        if output is None:
            click.echo(str(path))
        elif str(output) == "-":
            sys.stdout.buffer.write(path.read_bytes())
        else:
            files.replace(output, path.read_bytes())
            note(f"{made.bytes} bytes written to {output}.")
    except OSError as error:
        raise CryptoBotError(f"The report {path} cannot be handed over: {error.strerror}.") from error
