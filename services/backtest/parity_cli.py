"""`cryptobot parity`: what the command line calls by name."""

import sys
import time
from dataclasses import asdict, dataclass
from decimal import Decimal

import click
import msgspec

from ...configs import snapshot
from ...configs.errors import CryptoBotError, UsageError
from ...configs.load import load as load_settings
from ...configs.paths import Home
from ...configs.schema import Settings
from ..host import commandline
from . import options
from .lived import Lived, read_lived
from .parity import Compared, Traded, compare
from .progress import Progress
from .run import load
from .tables import day

EXIT_FAILED = commandline.FAILED
_ENCODER = msgspec.json.Encoder(decimal_format="string")
_MIN_VALUE = Decimal(5)


@dataclass(frozen=True, slots=True)
class Parity:
    """All runs of a span of time."""

    from_ms: int
    to_ms: int
    orders: int
    differences: int
    runs: list[Compared]


@click.command(name="parity")
@click.option("--from", "from_text", default="24h", metavar="TIME", help="A time, or so long ago; 24h.")
@click.option("--to", "to_text", default="0s", metavar="TIME", help="A time, or so long ago; now.")
@click.option("--strategy", "only", default="", metavar="NAME", help="Only this run of the settings.")
@click.option("--lot", type=options.money, metavar="NUMBER", help="Smallest step; as the orders show it.")
@options.JSON
@click.pass_obj
def command(
    home: Home, /, from_text: str, to_text: str, only: str, lot: Decimal | None, as_json_text: bool
) -> None:
    """Run the period just traded again, from the journal, and compare it trade by trade.

    \b
    cryptobot parity --from 2h
    Exit code 1 when there is a difference; each is told with its cause.
    """
    settings = settings_of(home)
    from_ms, to_ms = moment(from_text), moment(to_text)
    if from_ms >= to_ms:
        raise UsageError("--from must lie before --to.")
    lived = read_lived(home, settings.data.exchange, from_ms, to_ms)
    wanted = [one for one in traded(settings, lived) if not only or one.run == only]
    if not wanted:
        raise UsageError("No strategy of the settings traded in this time.")
    runs = []
    with Progress("candles") as progress:
        for one in wanted:
            step = lot or step_of(lived)
            owner = load(one.strategy, home.strategies)
            runs.append(compare(home, lived, one, owner, lot=step, min_value=_MIN_VALUE, told=progress.told))
    found = Parity(
        from_ms,
        to_ms,
        sum(run.orders for run in runs),
        sum(len(run.differences) for run in runs),
        runs,
    )
    _print(found, as_json_text)
    if found.differences:
        raise click.exceptions.Exit(EXIT_FAILED)


def settings_of(home: Home) -> Settings:
    """The settings that were in force last, else those of the files."""
    try:
        return snapshot.read(home)
    except CryptoBotError:
        return load_settings(home).settings


def traded(settings: Settings, lived: Lived) -> list[Traded]:
    """The runs of the settings that told of themselves in the journal."""
    told = {order.source for order in lived.orders.values()} | set(lived.seen)
    found = []
    for name, instance in settings.strategy.instances.items():
        for symbol in instance.symbols or [instance.symbol]:
            run = f"{name}@{symbol.replace('/', '-')}" if instance.symbols else name
            if run in told:
                made = Traded(run, instance.strategy, symbol, instance.timeframe, instance.parameters)
                found.append(made)
    return found


def step_of(lived: Lived) -> Decimal:
    """The step of amounts: the smallest digit that an order used."""
    digits = [order.amount.normalize().as_tuple().exponent for order in lived.orders.values()]
    whole = [digit for digit in digits if isinstance(digit, int)]
    return Decimal(1).scaleb(min(min(whole, default=-5), 0))


def moment(text: str) -> int:
    """A time, or how long ago, in UTC milliseconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    body, unit = text[:-1], text[-1:]
    if unit in units and body.replace(".", "", 1).isdigit():
        return time.time_ns() // 1_000_000 - int(float(body) * units[unit] * 1000)
    return options.moment(text)


def _print(found: Parity, as_json_text: bool) -> None:
    if as_json_text:
        sys.stdout.write(_ENCODER.encode(asdict(found)).decode() + "\n")
        return
    for run in found.runs:
        sys.stdout.write(
            f"{run.run} on {run.symbol} {run.timeframe}: {run.candles} candles, {run.orders} orders traded, "
            f"{run.again} asked for again, {run.equal} equal, {len(run.differences)} differences; "
            f"median {run.delay_ms:.0f} ms from close to fill, which with the spread cost {run.cost:.2f}\n"
        )
        for one in run.differences:
            sys.stdout.write(
                f"  {day(one.candle_open_ms)}  {one.side:<4}  {one.cause:<14}  "
                f"was {one.was}, again {one.again}: {one.sentence}\n"
            )


def main(home: Home, arguments: list[str]) -> int:
    """Run `parity ARGUMENTS`; return the exit code."""
    return commandline.run(command, home, arguments, name="parity")
