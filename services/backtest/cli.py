"""`cryptobot backtest …`: what the command line calls by name, so that it imports numpy only when it is
used.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec

from ...configs.paths import Home
from ..data.files import read_series
from ..host import commandline
from . import jobs, options, tables
from .archive import Archive
from .check import check
from .optimize import GOALS
from .progress import Progress
from .report import write_html, write_png
from .result import Result, as_json
from .run import load, run
from .work import Row, default_workers

EXIT_FAILED = commandline.FAILED
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_REPORT = click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE", help="Write the HTML report."
)
_PNG = click.option("--png", type=click.Path(path_type=Path), metavar="FILE", help="Write a picture.")


def _print(value: Any) -> None:
    sys.stdout.write(_ENCODER.encode(value).decode() + "\n")


def _home(home: Home, given: dict[str, Any]) -> Home | None:
    return None if given["no_save"] else home


@click.group(name="backtest", help="Run strategies over the past.")
def backtest() -> None:
    """The group of commands."""


@backtest.command(name="run")
@options.takes(options.ONE, options.KEEP, _REPORT, _PNG)
def run_command(
    home: Home, /, as_json_text: bool, report: Path | None, png: Path | None, **given: Any
) -> None:
    """Run STRATEGY (a name, or a .py file) over a candle file.

    \b
    cryptobot backtest run ema-cross --data BTC-USDT_1m.parquet --param fast=10 --param slow=50
    """
    request = options.request(home, given)
    with jobs.keeping(_home(home, given), "run", request) as kept, Progress("calls") as progress:
        result = jobs.do_run(request, kept, progress.told)
    _write(result, report, png)
    if as_json_text:
        _print({**as_json(result), "id": kept.id})
    else:
        sys.stdout.write(tables.of_result(result, kept.id))


def _write(result: Result, report: Path | None, png: Path | None) -> None:
    if report is not None:
        write_html(result, report)
        sys.stderr.write(f"The report is in {report}.\n")
    if png is not None:
        write_png(result, png)
        sys.stderr.write(f"The picture is in {png}.\n")


def _rows(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {"parameters": row.parameters, "final_equity": row.final_equity, "metrics": row.metrics}
        for row in rows
    ]


@backtest.command(name="sweep")
@options.takes(
    options.MANY,
    options.WORKERS,
    options.CLUSTER,
    options.KEEP,
    click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows of the table."),
)
def sweep_command(home: Home, /, texts: tuple[str, ...], top: int, as_json_text: bool, **given: Any) -> None:
    """Run STRATEGY once for every combination of parameter values, on all cores or a cluster.

    Broken off with Ctrl-C, the same command goes on where it was. The best of many runs is mostly the
    luckiest: look whether its neighbours are good too.
    """
    request = options.request(home, given)
    with (
        jobs.keeping(_home(home, given), "sweep", request, texts=texts) as kept,
        Progress("runs") as progress,
    ):
        workers = given["workers"] or default_workers()
        rows = jobs.do_sweep(
            request, texts, kept, workers=workers, cluster=given["cluster"], told=progress.told
        )
    if as_json_text:
        _print({"id": kept.id, "runs": _rows(rows)})
    else:
        sys.stdout.write(tables.of_rows(rows, top))


@backtest.command(name="optimize")
@options.takes(
    click.option(
        "--param", "texts", multiple=True, metavar="NAME=VALUES", help="fast=5:50, or fast=5,10,20."
    ),
    click.option("--trials", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Runs."),
    click.option(
        "--goal", type=click.Choice(GOALS), default="sharpe", show_default=True, help="To maximise."
    ),
    click.option(
        "--storage", default="", metavar="URL", help="Optuna's storage; SQLite here when not given."
    ),
    click.option(
        "--study", default="", metavar="NAME", help="Name of the search, to share it or go on with it."
    ),
    click.option("--seed", type=click.IntRange(0), default=0, help="Of the search."),
    options.WORKERS,
    options.CLUSTER,
    options.KEEP,
    click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows of the table."),
)
def optimize_command(
    home: Home, /, texts: tuple[str, ...], top: int, as_json_text: bool, **given: Any
) -> None:
    """Search STRATEGY's parameters with Optuna; all that have a range when no --param is given.

    Broken off, the same command goes on with the same search.
    """
    request = options.request(home, given)
    with jobs.keeping(_home(home, given), "optimize", request, texts=texts) as kept, Progress("runs") as bar:
        names = ("trials", "goal", "storage", "study", "seed", "cluster")
        found = jobs.do_optimize(
            request,
            texts,
            kept,
            home=home,
            workers=given["workers"] or default_workers(),
            told=bar.told,
            **{name: given[name] for name in names},
        )
    if as_json_text:
        _print(
            {"id": kept.id, "study": found.study, "best": _rows([found.best])[0], "runs": _rows(found.rows)}
        )
        return
    order = sorted(range(len(found.rows)), key=lambda at: -found.values[at])
    sys.stdout.write(tables.of_rows([found.rows[at] for at in order], top, given["goal"]))
    sys.stdout.write(f"study {found.study}\n")


@backtest.command(name="walk-forward")
@options.takes(
    options.MANY,
    click.option(
        "--train", type=click.IntRange(1), default=5000, show_default=True, help="Candles to choose on."
    ),
    click.option(
        "--test", type=click.IntRange(1), default=1000, show_default=True, help="Candles traded then."
    ),
    options.WORKERS,
    options.KEEP,
)
def walk_forward_command(home: Home, /, texts: tuple[str, ...], as_json_text: bool, **given: Any) -> None:
    """Choose STRATEGY's parameters on the past, trade them on what followed, again and again."""
    request = options.request(home, given)
    with (
        jobs.keeping(_home(home, given), "walk-forward", request, texts=texts) as kept,
        Progress("steps") as bar,
    ):
        found = jobs.do_walk(
            request,
            texts,
            kept,
            train=given["train"],
            test=given["test"],
            workers=given["workers"] or 1,
            told=bar.told,
        )
    if as_json_text:
        _print({"id": kept.id, **asdict(found)})
    else:
        sys.stdout.write(tables.of_walk(found))


@backtest.command(name="monte-carlo")
@options.takes(
    options.ONE,
    click.option(
        "--runs", type=click.IntRange(10, 1_000_000), default=2000, show_default=True, help="Histories."
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same gives the same."
    ),
    options.KEEP,
)
def monte_carlo_command(home: Home, /, as_json_text: bool, **given: Any) -> None:
    """Run STRATEGY, then shuffle and redraw its trades: how much of the result was luck?"""
    request = options.request(home, given)
    with jobs.keeping(_home(home, given), "monte-carlo", request) as kept, Progress("histories") as bar:
        found = jobs.do_monte_carlo(request, kept, runs=given["runs"], seed=given["seed"], told=bar.told)
    if as_json_text:
        _print({"id": kept.id, **asdict(found)})
    else:
        sys.stdout.write(tables.of_monte_carlo(found))


@backtest.command(name="trust")
@options.takes(options.ONE, options.KEEP, _REPORT)
def trust_command(home: Home, /, as_json_text: bool, report: Path | None, **given: Any) -> None:
    """Say how far a backtest of STRATEGY may be trusted: one score with its reasons. Exit code 1 when red."""
    request = options.request(home, given)
    with jobs.keeping(_home(home, given), "trust", request) as kept, Progress("parts") as bar:
        found = jobs.do_trust(request, kept, bar.told, home)
    if report is not None:
        write_html(run(request), report, trust=found)
        sys.stderr.write(f"The report is in {report}.\n")
    if as_json_text:
        _print({"id": kept.id, **asdict(found)})
    else:
        sys.stdout.write(tables.of_trust(found))
    if found.colour == "red":
        raise click.exceptions.Exit(EXIT_FAILED)


@backtest.command(name="list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Newest ones.")
@click.option("--strategy", default="", help="Only runs of this strategy.")
@options.JSON
@click.pass_obj
def list_command(home: Home, /, limit: int, strategy: str, as_json_text: bool) -> None:
    """List the kept runs, newest first."""
    with Archive(home) as archive:
        runs = archive.runs(limit, strategy=strategy)
    if as_json_text:
        _print([asdict(one) for one in runs])
    else:
        sys.stdout.write(tables.of_kept(runs))


@backtest.command(name="compare")
@click.argument("runs", nargs=-1, required=True)
@options.JSON
@click.pass_obj
def compare_command(home: Home, /, runs: tuple[str, ...], as_json_text: bool) -> None:
    """Show kept RUNS (ids of `backtest list`) side by side."""
    with Archive(home) as archive:
        found = [archive.run(one) for one in runs]
    if as_json_text:
        _print([asdict(one) for one in found])
    else:
        sys.stdout.write(tables.of_comparison(found))


@backtest.command(name="report")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--to", "path", type=click.Path(path_type=Path), metavar="FILE", help="HTML; RUN.html if not given."
)
@_PNG
@options.JSON
@click.pass_obj
def report_command(
    home: Home, /, run_id: str, path: Path | None, png: Path | None, as_json_text: bool
) -> None:
    """Write the HTML report of a kept RUN, made again from its candles."""
    with Archive(home) as archive:
        kept = archive.run(run_id)
    result = run(jobs.request_again(home, kept))
    if kept.run_hash and result.run_hash != kept.run_hash:
        sys.stderr.write(
            "The data or the code changed since this run; the report shows what comes out now.\n"
        )
    place = path or Path(f"{kept.id}.html")
    write_html(result, place)
    if png is not None:
        write_png(result, png)
    if as_json_text:
        same = result.run_hash == kept.run_hash
        _print({"report": str(place), "png": None if png is None else str(png), "same": same})
    else:
        sys.stdout.write(f"{place}\n")


@backtest.command(name="check")
@click.argument("strategy")
@click.option("--data", type=click.Path(path_type=Path), help="Candle file; made-up candles when not given.")
@options.ONE
@options.JSON
@click.pass_obj
def check_command(
    home: Home, /, strategy: str, data: Path | None, parameters: tuple[str, ...], as_json_text: bool
) -> None:
    """Run STRATEGY in every way that must make no difference, and say where one does."""
    owner = load(strategy, home.strategies)
    findings = check(owner, options.parameters(parameters), read_series(data) if data is not None else None)
    if as_json_text:
        _print({"ok": all(f.ok for f in findings), "findings": findings})
    else:
        for finding in findings:
            sys.stdout.write(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<14}  {finding.detail}\n")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(EXIT_FAILED)


def main(home: Home, arguments: list[str]) -> int:
    """Run `backtest ARGUMENTS`; return the exit code. JSON goes to stdout alone, errors to stderr."""
    kept = "Stopped. What was done is kept; the same command goes on from there."
    return commandline.run(backtest, home, arguments, name="backtest", interrupted=kept)
