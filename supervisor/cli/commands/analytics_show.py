"""cryptobot analytics show"""

import click

from ....bus.contracts.analytics import GetPerformance, Performance, TradeGroup
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command
from ..output import Column, note, print_json, print_table
from ..styles import money_style

FIGURES = (Column("figure"), Column("account", right=True), Column("benchmark", right=True))
MADE = (
    Column("strategy"),
    Column("market"),
    Column("profit", right=True, style=money_style),
    Column("realised", right=True),
    Column("open", right=True),
)
_SHOWN = (
    ("return", "total_return", "benchmark_return", True),
    ("a year", "annual_return", "benchmark_annual_return", True),
    ("volatility", "annual_volatility", "benchmark_annual_volatility", True),
    ("sharpe", "sharpe", "benchmark_sharpe", False),
    ("sortino", "sortino", "benchmark_sortino", False),
    ("calmar", "calmar", "benchmark_calmar", False),
    ("worst drawdown", "max_drawdown", "benchmark_max_drawdown", True),
    ("exposure", "exposure", "", True),
    ("turnover", "turnover", "", False),
    ("trades", "trades", "", False),
    ("won", "win_rate", "", True),
    ("profit factor", "profit_factor", "", False),
)
GROUPS = (
    Column("who"),
    Column("trades", right=True),
    Column("won", right=True),
    Column("profit", right=True, style=money_style),
    Column("fees", right=True),
    Column("best", right=True),
    Column("worst", right=True),
    Column("hours held", right=True),
)
_PATIENCE_S = 60.0


@click.command(cls=Command)
@click.option("--from", "since", type=moment, metavar="TIME", help="Beginning: 30d (ago), or 2026-01-31.")
@click.option("--to", "until", type=moment, metavar="TIME", help="End; now without it.")
@click.option("--benchmark", default="", metavar="MARKET", help="Compare with this market, such as BTC/USDT.")
@click.option(
    "--by",
    type=click.Choice(["strategy", "pair", "hour", "weekday", "regime"]),
    help="Closed trades by what they have in common, in place of the figures.",
)
@json_option
@pass_call
def command(
    call: Call, since: float | None, until: float | None, benchmark: str, by: str | None, as_json: bool
) -> None:
    """Show how the account did over any period, beside a market that was simply held."""
    wish = GetPerformance(
        from_ms=int((since or 0) * 1000), to_ms=int((until or 0) * 1000), benchmark=benchmark
    )
    found = ask_addon(call, "analytics", wish, Performance, timeout_s=_PATIENCE_S)
    if as_json:
        print_json(found)
        return
    if by is not None:
        print_table(GROUPS, [_group(one) for one in found.groups[by]], empty="No trade was closed.")
        return
    _print_figures(found)
    compared = f" Benchmark: {found.benchmark}." if found.benchmark else ""
    note(
        f"Profit {found.profit:+.2f} {found.currency}, {found.fees:.2f} paid in fees, "
        f"{found.unexplained:+.2f} not explained by fills.{compared} {found.note}".rstrip()
    )


def _print_figures(found: Performance) -> None:
    rows = [
        [title, _shown(found.figures.get(own), percent), _shown(found.against.get(other), percent)]
        for title, own, other, percent in _SHOWN
    ]
    print_table(FIGURES, rows, empty="")
    made = [
        [
            one.strategy,
            one.symbol,
            f"{one.profit:+.2f}",
            f"{one.realised:+.2f}",
            f"{one.unrealised:+.2f}",
        ]
        for one in found.contributions
    ]
    click.echo()
    print_table(MADE, made, empty="No strategy traded.")


def _group(one: TradeGroup) -> list[str]:
    won = f"{one.wins / one.trades * 100:.0f} %" if one.trades else ""
    money = [f"{one.profit:+.2f}", f"{one.fees:.2f}", f"{one.best:+.2f}", f"{one.worst:+.2f}"]
    return [one.name, str(one.trades), won, *money, f"{one.average_hours:.1f}"]


def _shown(value: float | None, percent: bool) -> str:
    if value is None:
        return ""
    return f"{value * 100:.2f} %" if percent else f"{value:.2f}"
