"""`cryptobot data …`: what the command line calls by name, so that it loads numpy and ccxt only when they are
used. Results go to stdout, JSON alone with --json; progress to stderr.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ...configs.errors import CryptoBotError, UsageError
from ...configs.paths import Home
from ..host import commandline
from .cli_venue import with_venue
from .history import Fetched, History, Tell
from .library import Library, SeriesName
from .printing import day, print_fetched, print_imported, print_json, print_table, told_report
from .quality import Report, report
from .store import gaps_of
from .take_in import export, take_in

EXIT_OK, EXIT_FAILED = commandline.OK, commandline.FAILED
_FOREVER_MS = 253_402_300_800_000

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for programs.")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date; write 2024-01-31 or 2024-01-31T12:00 (UTC)") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@click.group(name="data", help="The local history of candles.")
def data() -> None:
    """The group of commands."""


@data.command(name="list")
@json_option
@click.pass_obj
def list_command(home: Home, /, as_json: bool) -> None:
    """List the series of the local history."""
    library = _library(home)
    rows = []
    for name in library.series():
        times = library.read(name).open_ms
        last = int(times[-1]) if len(times) else 0
        rows.append(
            {
                **name._asdict(),
                "candles": len(times),
                "first_ms": int(times[0]) if last else 0,
                "last_ms": last,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("EXCHANGE", "MARKET", "CANDLE", "CANDLES", "FROM", "TO"),
        [
            (
                r["exchange"],
                r["symbol"],
                r["timeframe"],
                r["candles"],
                day(r["first_ms"]),
                day(r["last_ms"]),
            )
            for r in rows
        ],
        empty="There is no history yet; `cryptobot data import FILE` or `data fetch` brings some in.",
    )


@data.command(name="fetch")
@click.argument("symbol")
@click.argument("timeframe")
@click.option("--exchange", default="", help="The venue; that of the settings when not given.")
@click.option("--from", "from_ms", type=_moment, required=True, metavar="DATE", help="First day (UTC).")
@click.option("--to", "to_ms", type=_moment, default=None, metavar="DATE", help="Day after the last (UTC).")
@json_option
@click.pass_obj
def fetch_command(
    home: Home,
    /,
    symbol: str,
    timeframe: str,
    exchange: str,
    from_ms: int,
    to_ms: int | None,
    as_json: bool,
) -> None:
    """Fetch candles from a venue into the local history; goes on where it was interrupted.

    \b
    cryptobot data fetch BTC/USDT 1h --exchange binance --from 2024-01-01
    """
    upto = _FOREVER_MS if to_ms is None else to_ms
    if upto <= from_ms:
        raise UsageError("--to must be later than --from.")

    async def work(history: History, venue: str) -> Fetched:
        name = SeriesName(venue, symbol, timeframe)
        with _progress(f"fetching {name}") as tell:
            return await history.fetch(name, from_ms, upto, tell)

    print_fetched(_run(home, exchange, symbol, work), as_json)


@data.command(name="repair")
@click.argument("symbol", default="")
@click.argument("timeframe", default="")
@click.option("--exchange", default="", help="The venue; that of the settings when not given.")
@json_option
@click.pass_obj
def repair_command(home: Home, /, symbol: str, timeframe: str, exchange: str, as_json: bool) -> None:
    """Ask the venue again for every candle that is missing; what it does not have is marked.

    Without SYMBOL all series of the venue are repaired. Nothing is ever made up.
    """
    from .cli_venue import exchange_of

    names = _library(home).find(exchange_of(home, exchange), symbol, timeframe)

    async def work(history: History, venue: str) -> list[Fetched]:
        done = []
        for name in names:
            with _progress(f"repairing {name}") as tell:
                done.append(await history.repair(name, tell))
        return done

    for told in (found := _run(home, exchange, symbol or names[0].symbol, work)):
        if not as_json:
            print_fetched(told, False)
    if as_json:
        print_json(found)


@data.command(name="check")
@click.argument("symbol", default="")
@click.argument("timeframe", default="")
@click.option("--exchange", default="", help="Only series of this venue.")
@json_option
@click.pass_obj
def check_command(home: Home, /, symbol: str, timeframe: str, exchange: str, as_json: bool) -> int:
    """Look for gaps, outliers, candles without volume, duplicates and broken candles.

    SYMBOL may also be a file. Ends with 1 when there is something that `data repair` or you should look at.
    """
    found: dict[str, Report] = {}
    if symbol and Path(symbol).is_file():
        from .files import read_series

        series = read_series(Path(symbol))
        found[symbol] = report(series.columns, series.timeframe)
    else:
        library = _library(home)
        for name in library.find(exchange, symbol, timeframe):
            noted = gaps_of(library.folder(name))
            found[str(name)] = report(library.read(name), name.timeframe, noted)
    if as_json:
        print_json([{"series": name, **msgspec.to_builtins(one)} for name, one in found.items()])
    else:
        for label, one in found.items():
            sys.stdout.write(told_report(label, one))
    return EXIT_OK if all(one.clean for one in found.values()) else EXIT_FAILED


@data.command(name="import")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…"
)
@click.option("--exchange", default="imported", show_default=True, help="Venue under which it is kept.")
@click.option("--symbol", default="", help="Market; taken from the file's name when not given.")
@click.option("--candles", "timeframe", default="", metavar="1m", help="Make candles of trades.")
@json_option
@click.pass_obj
def import_command(
    home: Home, /, paths: tuple[Path, ...], exchange: str, symbol: str, timeframe: str, as_json: bool
) -> int:
    """Take files into the local history: candles, trades, funding rates, recordings of books.

    Parquet, CSV, Binance Vision's zips, freqtrade's JSON and Feather. A file is taken whole or refused with
    a reason; candles that are there already stay as they are.
    """
    library, done, refused = _library(home), [], []
    files = [file for path in paths for file in (sorted(path.rglob("*.*")) if path.is_dir() else [path])]
    with _progress("importing") as tell:
        for number, file in enumerate(files):
            try:
                done.append(take_in(library, file, exchange, symbol, timeframe))
            except CryptoBotError as error:
                refused.append({"file": str(file), "reason": str(error)})
            tell(number + 1, len(files))
    if as_json:
        print_json({"imported": done, "refused": refused})
    else:
        print_imported(done)
        for one in refused:
            sys.stderr.write(f"{one['reason']}\n")
    return EXIT_FAILED if refused else EXIT_OK


@data.command(name="export")
@click.argument("symbol")
@click.argument("timeframe")
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--exchange", default="", help="The venue, when several have this series.")
@click.option(
    "--from", "from_ms", type=_moment, default="1970-01-01", metavar="DATE", help="First day (UTC)."
)
@click.option("--to", "to_ms", type=_moment, default=None, metavar="DATE", help="Day after the last (UTC).")
@json_option
@click.pass_obj
def export_command(
    home: Home,
    /,
    symbol: str,
    timeframe: str,
    path: Path,
    exchange: str,
    from_ms: int,
    to_ms: int | None,
    as_json: bool,
) -> None:
    """Write a series as FILE, whose name ends with .parquet or .csv.

    When there is no such series, longer candles are made of the longest shorter one that fits.
    """
    library = _library(home)
    name = _source(library, exchange, symbol, timeframe)
    upto = _FOREVER_MS if to_ms is None else to_ms
    count = export(library, name, path, from_ms, upto, timeframe)
    if as_json:
        print_json({"file": str(path), "candles": count, "source": str(name)})
    else:
        sys.stdout.write(f"{path}\n")
        sys.stderr.write(f"{count} candles of {name}\n")


def _source(library: Library, exchange: str, symbol: str, timeframe: str) -> SeriesName:
    """The series to export from: itself, or the longest shorter one of which it can be made."""
    from ...bus.contracts.market import timeframe_ms

    found = library.find(exchange, symbol, "")
    wanted = timeframe_ms(timeframe)
    fitting = [one for one in found if wanted % timeframe_ms(one.timeframe) == 0]
    if not fitting:
        told = ", ".join(str(one) for one in found)
        raise UsageError(f"{timeframe} candles of {symbol} are not there and cannot be made of {told}.")
    longest = max(timeframe_ms(one.timeframe) for one in fitting)
    best = [one for one in fitting if timeframe_ms(one.timeframe) == longest]
    if len(best) > 1:
        raise UsageError(
            f"Several venues have it: {', '.join(one.exchange for one in best)}; choose with --exchange."
        )
    return best[0]


def _run(home: Home, exchange: str, symbol: str, work: Callable[[History, str], Any]) -> Any:
    return asyncio.run(with_venue(home, exchange, symbol, _library(home), work))


def _library(home: Home) -> Library:
    return Library(home.state / "market")


@contextmanager
def _progress(title: str) -> Iterator[Tell]:
    """A bar on stderr; on no terminal, nothing."""
    if not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def main(home: Home, arguments: list[str]) -> int:
    """Run `data ARGUMENTS`; return the exit code."""
    kept = "What came is kept; call it again to go on."
    return commandline.run(data, home, arguments, name="data", interrupted=f"Stopped. {kept}", later=kept)
