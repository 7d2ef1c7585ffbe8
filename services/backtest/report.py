"""A result as one HTML file that needs no network, and as a picture."""

import base64
import html
import importlib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...configs import files as disk
from ...configs.errors import UsageError
from ..accounting.pages import stylesheet
from ..accounting.series import falls, months
from .archive import curve_of
from .metrics import stays
from .result import Result
from .trust import Trust

_MOST_CANDLES = 60_000
_MOST_TRADES = 20_000
_MOST_STAYS = 4_000
_ENCODER = msgspec.json.Encoder(decimal_format="string")


def write_html(result: Result, path: Path, *, title: str = "", trust: Trust | None = None) -> None:
    """Write the report; an older file is replaced whole."""
    disk.replace(path, page(result, title=title, trust=trust).encode())


def page(result: Result, *, title: str = "", trust: Trust | None = None) -> str:
    """The report's HTML."""
    from ... import __version__

    name = title or type(result.strategy).title or type(result.strategy).__name__
    data = _ENCODER.encode(report_data(result, name, trust)).decode()
    # A script ends at the first "</script>", wherever it stands.
    parts = {
        "TITLE": html.escape(f"{name} on {result.symbol}: backtest"),
        "CSS": stylesheet(),
        "JS": _text("report.js"),
        "VERSION": html.escape(__version__),
        "DATA": data.replace("<", "\\u003c"),
    }
    made = _text("report.html")
    for key in ("TITLE", "CSS", "VERSION", "JS", "DATA"):
        made = made.replace(f"@@{key}@@", parts[key])
    return made


def _text(name: str) -> str:
    return files(__package__).joinpath("pages", name).read_text(encoding="utf-8")


def report_data(result: Result, title: str, trust: Trust | None = None) -> dict[str, Any]:
    """Everything that the report shows, as plain values."""
    columns, first = result.series.columns, result.outcome.first
    group = -(-len(columns) // _MOST_CANDLES)
    return {
        "title": title,
        "symbol": result.symbol,
        "timeframe": result.series.timeframe,
        "count": len(columns),
        "from_ms": int(columns.open_ms[min(first, len(columns) - 1)]),
        "to_ms": int(columns.open_ms[-1]),
        "run_hash": result.run_hash,
        "metrics": _finite(result.metrics),
        "curve": curve_of(result, 3000),
        "candles": _packed(result, group),
        "trades": _trades(result, group),
        "trades_all": len(result.trades),
        "months": [list(row) for row in months(columns.open_ms[first:], result.equity[first:])],
        "falls": falls(columns.open_ms[first:], result.drawdown),
        "stays": _stays(result),
        "costs": _costs(result),
        "settings": _settings(result),
        "trust": None if trust is None else trust,
    }


def _finite(figures: dict[str, float | int | None]) -> dict[str, float | int | None]:
    return {name: value for name, value in figures.items() if value is None or np.isfinite(value)}


def _packed(result: Result, group: int) -> dict[str, str]:
    """Candles as base64 of little-endian numbers, so many put together to one that a page can hold them."""
    columns = result.series.columns
    starts = np.arange(0, len(columns), group)
    ends = np.append(starts[1:], len(columns)) - 1
    arrays = {
        "t": columns.open_ms[starts].astype("<f8"),
        "o": columns.open[starts].astype("<f4"),
        "h": np.maximum.reduceat(columns.high, starts).astype("<f4"),
        "l": np.minimum.reduceat(columns.low, starts).astype("<f4"),
        "c": columns.close[ends].astype("<f4"),
    }
    return {name: base64.b64encode(array.tobytes()).decode() for name, array in arrays.items()}


def _trades(result: Result, group: int) -> list[dict[str, Any]]:
    """The newest closed trades, with places among the packed candles."""
    found = []
    for trade in result.trades[-_MOST_TRADES:]:
        before = float(result.equity[max(0, trade.entry_bar - 1)])
        found.append(
            {
                "a": trade.entry_bar // group,
                "b": trade.exit_bar // group,
                "p": float(trade.entry_price),
                "q": float(trade.exit_price),
                "n": float(trade.qty),
                "g": float(trade.pnl_net),
                "f": float(trade.pnl_net) / before if before else 0.0,
                "r": trade.reason,
                "s": trade.symbol,
            }
        )
    return found


def _stays(result: Result) -> list[list[int]]:
    """When something of the own market was held."""
    times, size = result.series.columns.open_ms, len(result.series.columns)
    found = stays(result.outcome.books.flows(), size)
    step = -(-len(found) // _MOST_STAYS) or 1
    return [[int(times[a]), int(times[min(b, size - 1)])] for a, b in found[::step]]


def _costs(result: Result) -> list[list[Any]]:
    """What was earned before costs, each kind of cost, and what was left."""
    done = result.outcome.executions
    fees = float(sum(one.fee for one in done))
    funding = -float(sum(one.flow for one in done if not one.sign))
    slip = float(result.rules.slippage)
    slipped = sum(float(one.price * one.amount) * slip for one in done) if slip else 0.0
    net = float(result.final_equity - result.rules.cash)
    rows: list[list[Any]] = [["Before costs", net + fees + funding + slipped], ["Fees", -fees, "down"]]
    if slip:
        rows.append(["Slippage, about", -slipped, "down"])
    if funding:
        rows.append(["Funding", -funding, "down" if funding > 0 else "up"])
    rows.append(["Left", net, "up" if net > 0 else "down"])
    rows.append(["Traded value", float(sum(one.price * one.amount for one in done))])
    rows.append(["Orders refused", result.outcome.refused])
    return rows


def _settings(result: Result) -> list[list[str]]:
    rules = result.rules
    rows = [[name, str(value)] for name, value in sorted(result.strategy._parameters.items())]
    rows += [["cash", f"{rules.cash}"], ["fee", f"{rules.fee}"]]
    if rules.maker_fee is not None:
        rows.append(["maker fee", f"{rules.maker_fee}"])
    rows += [
        ["lot", f"{rules.lot}"],
        ["slippage", f"{rules.slippage}"],
        ["warm-up", f"{rules.warmup} candles"],
    ]
    if rules.volume_share is not None:
        rows.append(["share of the volume", f"{rules.volume_share}"])
    if rules.latency_ms:
        rows.append(["latency", f"{rules.latency_ms} ms"])
    rows.append(["missing candles", f"{result.series.missing}"])
    rows.append(["made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")])
    return rows


def write_png(result: Result, path: Path, *, title: str = "") -> None:
    """The curve, the drawdown and the months as a picture.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        figure_module = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise UsageError("A picture needs matplotlib: pip install cryptobot[charts]") from None
    name = title or type(result.strategy).title or type(result.strategy).__name__
    figure = figure_module.Figure(figsize=(12, 7), dpi=120, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve = curve_of(result, 3000)
    times = np.array(curve["times_ms"], dtype="datetime64[ms]")
    price, equity = np.array(curve["price"]), np.array(curve["equity"])
    upper.plot(times, equity[0] * price / price[0], color="#c98a14", linewidth=1, label="Buy and hold")
    upper.plot(times, equity, color="#2f6fed", linewidth=1.8, label="Strategy")
    upper.legend(frameon=False, loc="upper left")
    upper.set_title(_headline(result, name), loc="left", fontsize=13)
    upper.set_ylabel("Equity")
    lower.fill_between(times, 100 * np.array(curve["drawdown"]), 0, color="#d0434b", alpha=0.35, linewidth=0)
    lower.set_ylabel("Drawdown, %")
    for axis in (upper, lower):
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png")


def _headline(result: Result, name: str) -> str:
    figures = result.metrics
    told = [f"{name}  ·  {result.symbol} {result.series.timeframe}"]
    told.append(f"return {figures['total_return'] or 0:+.1%}")
    told.append(f"worst drawdown {figures['max_drawdown'] or 0:.1%}")
    if figures["sharpe"] is not None:
        told.append(f"Sharpe {figures['sharpe']:.2f}")
    told.append(f"{figures['trades']} trades")
    return "  ·  ".join(told)
