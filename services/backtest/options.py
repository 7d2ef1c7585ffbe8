"""What the commands take, and how it becomes a request."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from ...configs.errors import UsageError
from ...configs.paths import Home
from .run import Request
from .world import Rules

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def money(text: str) -> Decimal:
    """A number at or above zero, of the command line."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is no number") from None
    if not number.is_finite() or number < 0:
        raise click.BadParameter(f"{text} must not be negative")
    return number


def moment(text: str) -> int:
    """A day or a moment in UTC, as milliseconds."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no date; write 2024-01-31 or 2024-01-31T12:00 (UTC)") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _number(name: str, default: str | None, text: str) -> Decorator:
    shown = default is not None
    return click.option(name, type=money, metavar="NUMBER", default=default, show_default=shown, help=text)


def _file(name: str, text: str, *, multiple: bool = False, variable: str = "") -> Decorator:
    names = (name, variable) if variable else (name,)
    return click.option(*names, type=click.Path(path_type=Path), multiple=multiple, metavar="FILE", help=text)


COMMON: tuple[Decorator, ...] = (
    click.argument("strategy"),
    _file("--data", "Candle file: Parquet, CSV, zip, JSON; or a folder of the local store."),
    _number("--cash", "10000", "Money at the beginning."),
    _number("--fee", "0.001", "Fee, as a fraction of the value."),
    _number("--maker-fee", None, "Fee of resting orders; as --fee when not given."),
    _number("--lot", "0.00001", "Smallest step of an amount."),
    _number("--tick", "0", "Smallest step of a price; 0 leaves limits as they are."),
    _number("--min-value", "0", "Orders worth less are refused."),
    _number("--slippage", "0", "Market orders fill worse by this fraction."),
    _number("--volume-share", None, "Fill at most this share of a candle's volume; the rest goes on."),
    click.option("--latency-ms", type=click.IntRange(0), default=0, help="An order needs so long to arrive."),
    click.option("--fraction", type=float, help="Share of the free money that one buy() spends."),
    click.option(
        "--warmup",
        type=click.IntRange(0),
        default=1000,
        show_default=True,
        help="Candles before any decision.",
    ),
    click.option("--symbol", default="", help="Market; taken from the file's name when not given."),
    click.option("--from", "from_ms", type=moment, metavar="DATE", help="First day (UTC)."),
    click.option("--to", "to_ms", type=moment, metavar="DATE", help="Day after the last one (UTC)."),
    click.option("--also", multiple=True, metavar="MARKET=FILE", help="Candles of a further market."),
    _file("--inner", "Candles of a shorter timeframe: fills inside candles follow them."),
    _file("--trades", "Trades (Parquet): fills inside candles follow them."),
    _file("--book", "Recording of the order book; may be given again.", multiple=True),
    _file("--funding", "Funding rates of a perpetual contract (Parquet)."),
    click.option("--timeframe", default="1m", help="Candles to make of --trades or --book without --data."),
    click.option("--every", is_flag=True, help="Call the strategy on each candle, not only when it asks."),
    click.option("--pure", is_flag=True, help="Leave the compiled core out."),
)
JSON = click.option("--json", "as_json_text", is_flag=True, help="Print one JSON object.")
WORKERS = click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes; the cores of this machine when not given."
)
CLUSTER = click.option(
    "--dask", "cluster", default="", metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786."
)
KEEP = click.option("--no-save", is_flag=True, help="Do not keep it in the database.")
ONE = click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter.")
MANY = click.option(
    "--param", "texts", multiple=True, required=True, metavar="NAME=VALUES", help="fast=5,10 or fast=5:50:5."
)


def takes(*more: Decorator) -> Decorator:
    """The options of a command: what all take, and more."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        made: Any = function
        for option in reversed((*COMMON, *more, JSON)):
            made = option(made)
        final: Callable[..., Any] = click.pass_obj(made)
        return final

    return decorate


def parameters(texts: tuple[str, ...]) -> dict[str, object]:
    """Values by name, from NAME=VALUE.

    Raises:
        UsageError: a text is written in another way.
    """
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--param {text} must be NAME=VALUE, such as --param fast=10.")
        found[name.strip()] = value
    return found


_RULES = ("cash", "fee", "maker_fee", "lot", "tick", "min_value", "slippage", "volume_share", "latency_ms")
_FILES = ("inner", "trades", "book", "funding", "also", "from_ms", "to_ms", "symbol", "timeframe")


def request(home: Home, given: dict[str, Any]) -> Request:
    """What a command was given, as a request.

    Raises:
        UsageError: numbers that cannot be, or no data.
    """
    values = parameters(given.get("parameters", ()))
    if given["fraction"] is not None:
        values["fraction"] = given["fraction"]
    if not given["lot"]:
        raise UsageError("--lot must be above zero.")
    if given["volume_share"] is not None and not 0 < given["volume_share"] <= 1:
        raise UsageError("--volume-share must lie between 0 and 1.")
    if given["data"] is None and given["trades"] is None and not given["book"]:
        raise UsageError("Give candles with --data FILE (or --trades or --book to make them of).")
    rules = Rules(
        **{name: given[name] for name in _RULES},
        warmup=given["warmup"],
        every=given["every"],
        pure=given["pure"],
    )
    return Request(
        strategy=given["strategy"],
        data=given["data"],
        parameters=values,
        rules=rules,
        folder=home.strategies,
        **{name: given[name] for name in _FILES},
    )


def told(made: Request) -> dict[str, Any]:
    """A request as plain values, for the database; only what differs from the usual, and the data."""
    usual = Rules()
    found: dict[str, Any] = {"strategy": made.strategy, "parameters": dict(made.parameters)}
    for name in ("data", "inner", "trades", "funding"):
        if (path := getattr(made, name)) is not None:
            found[name] = str(Path(path).absolute())
    if made.book:
        found["book"] = [str(path.absolute()) for path in made.book]
    for name in ("also", "from_ms", "to_ms", "symbol", "timeframe"):
        if value := getattr(made, name):
            found[name] = value
    found["rules"] = {
        name: value if isinstance(value, bool | int) else str(value)
        for name in Rules.__slots__
        if (value := getattr(made.rules, name)) != getattr(usual, name)
    }
    return found
