"""How results are printed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .archive import Kept
from .monte_carlo import MonteCarlo
from .result import Result
from .trust import Trust
from .walk_forward import WalkForward
from .work import Row

_SHARES = ("return", "drawdown", "volatility", "exposure", "rate")
COMPARED = (
    "total_return",
    "annual_return",
    "max_drawdown",
    "sharpe",
    "sortino",
    "calmar",
    "profit_factor",
    "win_rate",
    "trades",
    "exposure",
    "fees",
)


def of_result(result: Result, kept: str) -> str:
    """One run."""
    columns = result.series.columns
    lines = [
        f"{result.strategy.title or type(result.strategy).__name__} on {result.symbol} "
        f"{result.series.timeframe}, {len(columns)} candles, {day(columns.open_ms[0])} to "
        f"{day(columns.open_ms[-1])}",
        f"{'start':>22}  {result.rules.cash:.2f}",
        f"{'final equity':>22}  {result.final_equity:.2f}",
    ]
    lines += [f"{name.replace('_', ' '):>22}  {figure(name, v)}" for name, v in result.metrics.items()]
    if result.outcome.refused:
        lines.append(f"{'orders refused':>22}  {result.outcome.refused}")
    lines.append(f"{'run hash':>22}  {result.run_hash[:16]}")
    if kept:
        lines.append(f"{'kept as':>22}  {kept}")
    return "\n".join(lines) + "\n"


def of_rows(rows: Sequence[Row], top: int, goal: str = "") -> str:
    """A sweep: the first rows."""
    names = list(rows[0].parameters)
    heads = [
        *names,
        "equity",
        "drawdown",
        "sharpe",
        "trades",
        *([goal] if goal not in ("", "sharpe") else []),
    ]
    made = []
    for row in rows[:top]:
        cells = [_short(value) for value in row.parameters.values()]
        cells += [f"{row.final_equity:.2f}", figure("drawdown", row.metrics["max_drawdown"])]
        cells += [figure("sharpe", row.metrics["sharpe"]), str(row.metrics["trades"])]
        if len(heads) > len(cells):
            cells.append(figure(goal, row.metrics.get(goal)))
        made.append(cells)
    return _columns(heads, made)


def of_walk(found: WalkForward) -> str:
    """A walk-forward."""
    lines = []
    for step in found.steps:
        chosen = " ".join(f"{name}={_short(value)}" for name, value in step.chosen.items())
        figures = f"learnt {step.learnt * 100:8.2f} %  earned {step.earned * 100:8.2f} %"
        lines.append(f"{day(step.from_ms)}  {chosen:<30} {figures}")
    lines.append(f"earned in all {found.earned * 100:.2f} %")
    return "\n".join(lines) + "\n"


def of_monte_carlo(made: MonteCarlo) -> str:
    """A Monte Carlo."""
    heads = ["", *made.drawdown]
    rows = [
        ["worst drawdown, shuffled", *(f"{value:.1%}" for value in made.drawdown.values())],
        ["total return, redrawn", *(f"{value:+.1%}" for value in made.total_return.values())],
    ]
    text = f"{made.trades} trades, {made.runs} runs, seed {made.seed}\n" + _columns(heads, rows)
    text += f"{made.losing:.1%} of the redrawn histories lose money, {made.ruined:.1%} more than half of it;"
    return text + f" the worst drawdown was {made.actual_drawdown:.1%}\n"


def of_trust(found: Trust) -> str:
    """A score with its reasons."""
    lines = [f"trust {found.score} of 100: {found.colour}"]
    for reason in found.reasons:
        mark = "RED " if reason.fatal else "    "
        points = f"{reason.points:4.1f}/{reason.weight:2.0f}" if reason.weight else "       "
        lines.append(f"{mark}{reason.name:<18} {points}  {reason.detail}")
    return "\n".join(lines) + "\n"


def of_kept(runs: Sequence[Kept]) -> str:
    """Kept runs, one a line."""
    heads = ["id", "made", "kind", "state", "strategy", "market", "return", "drawdown", "sharpe", "trades"]
    rows = []
    for run in runs:
        figures: Mapping[str, Any] = run.summary.get("metrics") or {}
        rows.append(
            [
                run.id,
                day(run.created_ms),
                run.kind,
                run.state,
                run.strategy,
                f"{run.symbol} {run.timeframe}".strip(),
                figure("total_return", figures.get("total_return")),
                figure("max_drawdown", figures.get("max_drawdown")),
                figure("sharpe", figures.get("sharpe")),
                figure("trades", figures.get("trades")),
            ]
        )
    return (
        _columns(heads, rows) if rows else "Nothing is kept yet; `cryptobot backtest run` keeps its runs.\n"
    )


def of_comparison(runs: Sequence[Kept]) -> str:
    """Figures side by side."""
    heads = ["", *(run.id for run in runs)]
    rows = [["strategy", *(run.strategy for run in runs)]]
    rows.append(["market", *(f"{run.symbol} {run.timeframe}" for run in runs)])
    values = [run.request.get("parameters", {}) for run in runs]
    for name in sorted({name for one in values for name in one}):
        rows.append([name, *(_short(one.get(name, "")) for one in values)])
    figures = [run.summary.get("metrics") or {} for run in runs]
    for name in COMPARED:
        rows.append([name.replace("_", " "), *(figure(name, one.get(name)) for one in figures)])
    return _columns(heads, rows)


def figure(name: str, value: float | int | None) -> str:
    """A figure for people."""
    if value is None:
        return "-"
    if name.endswith(_SHARES):
        return f"{value * 100:.2f} %"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def day(time_ms: Any) -> str:
    """A moment for people, UTC."""
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [
        "  ".join(
            cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(pairs)
        )
        for pairs in (list(zip(row, widths, strict=True)) for row in (heads, *rows))
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"
