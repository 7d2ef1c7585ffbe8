"""cryptobot portfolio lots"""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
import msgspec

from ....bus.contracts.portfolio import ListTaxLots, TaxDisposal, TaxLot, TaxLots
from ....configs.errors import UsageError
from ..accounts import account_option, chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json

DISPOSALS = (
    "asset",
    "amount",
    "acquired_utc",
    "disposed_utc",
    "proceeds",
    "cost",
    "gain",
    "currency",
    "origin",
    "fee_elsewhere",
    "lot",
    "disposal",
    "account",
)
OPEN = ("asset", "amount", "acquired_utc", "cost", "currency", "origin", "lot", "account")


@click.command(cls=Command)
@click.option("--year", type=click.IntRange(2009, 2200), help="Only what was sold in this year (UTC).")
@click.option("--method", default="", help="fifo, lifo, hifo or average; else portfolio.cost_basis.")
@click.option("--open", "open_lots", is_flag=True, help="The lots that are left, instead of the sales.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file instead of stdout.")
@account_option
@json_option
@pass_call
def command(
    call: Call,
    year: int | None,
    method: str,
    open_lots: bool,
    output: str | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Export gains (or open tax lots) as CSV: exact amounts, UTC times, one line for each lot that was sold.

    Costs and proceeds hold the fees that were taken in the asset or its currency. An empty cost is one that
    nobody knows (deposits and what was there before): fill it in.
    """
    names = chosen(call, account)
    wish = msgspec.structs.replace(_wish(year, method), account=names[0] if len(names) == 1 else "")
    lots = ask_addon(call, "portfolio", wish, TaxLots, timeout_s=30.0)
    if as_json:
        print_json(lots)
        return
    if output is None:
        _write(sys.stdout, lots, open_lots)
        return
    try:
        with Path(output).open("x", newline="", encoding="utf-8") as file:
            _write(file, lots, open_lots)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    note(f"{len(lots.open if open_lots else lots.disposals)} lines by {lots.method} in {output}.")


def _wish(year: int | None, method: str) -> ListTaxLots:
    if year is None:
        return ListTaxLots(method=method)
    begin, end = (int(datetime(one, 1, 1, tzinfo=UTC).timestamp() * 1000) for one in (year, year + 1))
    return ListTaxLots(method=method, since_ms=begin, until_ms=end)


def _write(file: TextIO, lots: TaxLots, open_lots: bool) -> None:
    writer = csv.writer(file, lineterminator="\n")
    if open_lots:
        writer.writerow(OPEN)
        writer.writerows(_open_row(lot) for lot in lots.open)
    else:
        writer.writerow(DISPOSALS)
        writer.writerows(_row(disposal) for disposal in lots.disposals)


def _row(one: TaxDisposal) -> list[str]:
    return [
        one.asset,
        f"{one.amount:f}",
        _utc(one.acquired_ms),
        _utc(one.disposed_ms),
        _money(one.proceeds),
        _money(one.cost),
        _money(one.gain),
        one.currency,
        one.origin,
        one.fee_elsewhere,
        one.lot,
        one.disposal,
        one.account,
    ]


def _open_row(lot: TaxLot) -> list[str]:
    acquired = _utc(lot.acquired_ms)
    return [
        lot.asset,
        f"{lot.amount:f}",
        acquired,
        _money(lot.cost),
        lot.currency,
        lot.origin,
        lot.lot,
        lot.account,
    ]


def _utc(moment_ms: int | None) -> str:
    if moment_ms is None:
        return ""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _money(value: object) -> str:
    return "" if value is None else f"{value:f}"
