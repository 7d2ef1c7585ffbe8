"""`cryptobot backtest run`: what the command line calls by name, so that it imports numpy only when it is
used.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
import msgspec

from ...configs.errors import CryptoBotError, SettingsError, UsageError
from ...configs.paths import Home
from ..data.files import read_series
from .check import check
from .progress import Progress
from .run import Request, Result, as_json, load, run
from .sweep import default_workers, sweep
from .walk_forward import walk_forward
from .world import Rules

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _money(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is no number") from None
    if not number.is_finite() or number < 0:
        raise click.BadParameter(f"{text} must not be negative")
    return number


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date; write 2024-01-31 or 2024-01-31T12:00 (UTC)") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _over_parameters(function: Callable[..., None]) -> Callable[..., None]:
    """What every command takes that tries many parameters."""
    for decorate in (
        click.option(
            "--param",
            "texts",
            multiple=True,
            required=True,
            metavar="NAME=VALUES",
            help="fast=5,10,20 or fast=5:50:5.",
        ),
        click.option("--data", required=True, type=click.Path(path_type=Path), help="Candle file."),
        click.argument("strategy"),
    ):
        function = decorate(function)
    return function


@click.group(name="backtest", help="Run strategies over the past.")
def backtest() -> None:
    """The group of commands."""


@backtest.command(name="run")
@click.argument("strategy")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Candle file: Parquet, CSV, zip, JSON."
)
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy."
)
@click.option(
    "--cash",
    type=_money,
    metavar="NUMBER",
    default="10000",
    show_default=True,
    help="Money at the beginning.",
)
@click.option(
    "--fee",
    type=_money,
    metavar="NUMBER",
    default="0.001",
    show_default=True,
    help="Fee, as a fraction of the value.",
)
@click.option(
    "--maker-fee", type=_money, metavar="NUMBER", help="Fee of resting orders; as --fee when not given."
)
@click.option(
    "--lot",
    type=_money,
    metavar="NUMBER",
    default="0.00001",
    show_default=True,
    help="Smallest step of an amount.",
)
@click.option("--fraction", type=float, help="Share of the free money that one buy() spends.")
@click.option(
    "--slippage",
    type=_money,
    metavar="NUMBER",
    default="0",
    show_default=True,
    help="Market orders fill worse by this.",
)
@click.option(
    "--warmup", type=click.IntRange(0), default=1000, show_default=True, help="Candles before any decision."
)
@click.option("--symbol", default="", help="Market; taken from the file's name when not given.")
@click.option("--from", "from_ms", type=_moment, metavar="DATE", help="First day (UTC).")
@click.option("--to", "to_ms", type=_moment, metavar="DATE", help="Day after the last one (UTC).")
@click.option(
    "--every", is_flag=True, help="Call the strategy on each candle, not only when its signal asks."
)
@click.option("--json", "as_json_text", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def run_command(home: Home, /, as_json_text: bool, **given: Any) -> None:
    """Run STRATEGY (a name, or a .py file) over a candle file.

    \b
    cryptobot backtest run ema-cross --data BTC-USDT_1m.parquet --param fast=10 --param slow=50
    """
    result = run(_request(home, given))
    if as_json_text:
        sys.stdout.write(_ENCODER.encode(as_json(result)).decode() + "\n")
    else:
        sys.stdout.write(_table(result))


@backtest.command(name="sweep")
@_over_parameters
@click.option(
    "--cash",
    type=_money,
    metavar="NUMBER",
    default="10000",
    show_default=True,
    help="Money at the beginning.",
)
@click.option(
    "--fee", type=_money, metavar="NUMBER", default="0.001", show_default=True, help="Fee, as a fraction."
)
@click.option(
    "--lot", type=_money, metavar="NUMBER", default="0.00001", show_default=True, help="Smallest step."
)
@click.option(
    "--warmup", type=click.IntRange(0), default=1000, show_default=True, help="Candles before any decision."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes; the cores of this machine when not given."
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows of the table.")
@click.option("--json", "as_json_text", is_flag=True, help="Print one JSON object with all runs.")
@click.pass_obj
def sweep_command(home: Home, /, texts: tuple[str, ...], top: int, as_json_text: bool, **given: Any) -> None:
    """Run STRATEGY once for every combination of parameter values, on all cores.

    The best of many runs is mostly the luckiest: look whether its neighbours are good too.
    """
    rules = Rules(cash=given["cash"], fee=given["fee"], lot=given["lot"], warmup=given["warmup"])
    request = Request(given["strategy"], given["data"], rules=rules, folder=home.strategies)
    with Progress("runs") as progress:
        rows = sweep(request, texts, given["workers"] or default_workers(), progress.told)
    if as_json_text:
        told = [
            {"parameters": row.parameters, "final_equity": row.final_equity, "metrics": row.metrics}
            for row in rows
        ]
        sys.stdout.write(_ENCODER.encode({"runs": told}).decode() + "\n")
        return
    names = list(rows[0].parameters)
    sys.stdout.write(
        "  ".join(f"{name:>10}" for name in (*names, "equity", "drawdown", "sharpe", "trades")) + "\n"
    )
    for row in rows[:top]:
        figures = row.metrics
        cells = [str(value) for value in row.parameters.values()]
        cells += [f"{row.final_equity:.2f}", _figure("drawdown", figures["max_drawdown"])]
        cells += [_figure("sharpe", figures["sharpe"]), str(figures["trades"])]
        sys.stdout.write("  ".join(f"{cell:>10}" for cell in cells) + "\n")


@backtest.command(name="walk-forward")
@_over_parameters
@click.option(
    "--train", type=click.IntRange(1), default=5000, show_default=True, help="Candles to choose on."
)
@click.option(
    "--test", type=click.IntRange(1), default=1000, show_default=True, help="Candles traded with a choice."
)
@click.option(
    "--cash", type=_money, metavar="NUMBER", default="10000", show_default=True, help="Money at each step."
)
@click.option(
    "--fee", type=_money, metavar="NUMBER", default="0.001", show_default=True, help="Fee, as a fraction."
)
@click.option(
    "--lot", type=_money, metavar="NUMBER", default="0.00001", show_default=True, help="Smallest step."
)
@click.option(
    "--warmup", type=click.IntRange(0), default=1000, show_default=True, help="Candles before any decision."
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--json", "as_json_text", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def walk_forward_command(home: Home, /, texts: tuple[str, ...], as_json_text: bool, **given: Any) -> None:
    """Choose STRATEGY's parameters on the past, trade them on what followed, again and again."""
    rules = Rules(cash=given["cash"], fee=given["fee"], lot=given["lot"], warmup=given["warmup"])
    request = Request(given["strategy"], given["data"], rules=rules, folder=home.strategies)
    with Progress("steps") as progress:
        found = walk_forward(request, texts, given["train"], given["test"], given["workers"], progress.told)
    if as_json_text:
        sys.stdout.write(_ENCODER.encode(found).decode() + "\n")
        return
    for step in found.steps:
        chosen = " ".join(f"{name}={value}" for name, value in step.chosen.items())
        figures = f"learnt {step.learnt * 100:8.2f} %  earned {step.earned * 100:8.2f} %"
        sys.stdout.write(f"{_day(step.from_ms)}  {chosen:<30} {figures}\n")
    sys.stdout.write(f"earned in all {found.earned * 100:.2f} %\n")


@backtest.command(name="check")
@click.argument("strategy")
@click.option("--data", type=click.Path(path_type=Path), help="Candle file; made-up candles when not given.")
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy."
)
@click.option("--json", "as_json_text", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def check_command(
    home: Home, /, strategy: str, data: Path | None, parameters: tuple[str, ...], as_json_text: bool
) -> None:
    """Run STRATEGY in every way that must make no difference, and say where one does."""
    owner = load(strategy, home.strategies)
    findings = check(owner, _parameters(parameters), read_series(data) if data is not None else None)
    if as_json_text:
        sys.stdout.write(
            _ENCODER.encode({"ok": all(f.ok for f in findings), "findings": findings}).decode() + "\n"
        )
    else:
        for finding in findings:
            sys.stdout.write(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<14}  {finding.detail}\n")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(EXIT_FAILED)


def _parameters(texts: tuple[str, ...]) -> dict[str, object]:
    parameters: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--param {text} must be NAME=VALUE, such as --param fast=10.")
        parameters[name.strip()] = value
    return parameters


def _request(home: Home, given: dict[str, Any]) -> Request:
    parameters = _parameters(given["parameters"])
    if given["fraction"] is not None:
        parameters["fraction"] = given["fraction"]
    if not given["lot"]:
        raise UsageError("--lot must be above zero.")
    rules = Rules(
        cash=given["cash"],
        fee=given["fee"],
        maker_fee=given["maker_fee"],
        lot=given["lot"],
        slippage=given["slippage"],
        warmup=given["warmup"],
        every=given["every"],
    )
    return Request(
        strategy=given["strategy"],
        data=given["data"],
        parameters=parameters,
        rules=rules,
        symbol=given["symbol"],
        from_ms=given["from_ms"],
        to_ms=given["to_ms"],
        folder=home.strategies,
    )


def _table(result: Result) -> str:
    columns = result.series.columns
    lines = [
        f"{type(result.strategy).__name__} on {result.symbol} {result.series.timeframe}, "
        f"{len(columns)} candles, {_day(columns.open_ms[0])} to {_day(columns.open_ms[-1])}",
        f"{'start':>22}  {result.rules.cash:.2f}",
        f"{'final equity':>22}  {result.final_equity:.2f}",
    ]
    for name, value in result.metrics.items():
        lines.append(f"{name.replace('_', ' '):>22}  {_figure(name, value)}")
    lines.append(f"{'run hash':>22}  {result.run_hash[:16]}")
    return "\n".join(lines) + "\n"


_SHARES = ("return", "drawdown", "volatility", "exposure", "rate")


def _figure(name: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    if name.endswith(_SHARES):
        return f"{value * 100:.2f} %"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _day(time_ms: Any) -> str:
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def main(home: Home, arguments: list[str]) -> int:
    """Run `backtest ARGUMENTS`; return the exit code. JSON goes to stdout alone, errors to stderr."""
    try:
        backtest.main(arguments, prog_name="cryptobot backtest", standalone_mode=False, obj=home)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return EXIT_USAGE
    except (SettingsError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    except CryptoBotError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    return EXIT_OK
