"""A report as one HTML page that needs no network and no script; its charts are SVG."""

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from ...bus.contracts.analytics import Performance, TradeGroup
from ..accounting.pages import stylesheet

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_OWN_STYLE = (
    "svg{display:block;width:100%;height:auto}.axis{stroke:var(--line)}.mine{stroke:var(--blue)}"
    ".other{stroke:var(--gold)}.line{fill:none;stroke-width:1.6}.fall{fill:var(--down);opacity:.25}"
    "text{fill:var(--soft);font-size:11px}"
    "@media(min-width:900px){.kpis{grid-template-columns:repeat(auto-fit,minmax(18%,1fr))}}"
)
_WIDE, _HIGH, _SIDE = 1000, 280, 64
_KINDS = {"strategy": "By strategy", "pair": "By market", "regime": "By regime", "hour": "By hour (UTC)",
          "weekday": "By weekday"}  # fmt: skip
_PERCENT = ("return", "volatility", "drawdown", "day", "rate", "exposure", "invested", "alpha", "tracking")
_SHARES = frozenset({"win_rate", "exposure", "invested", "annual_volatility", "tracking_error"})
_SHORT_MS = 3 * 86_400_000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def page(found: Performance, title: str, version: str) -> str:
    """The whole page."""
    span = " to ".join(_span(found.from_ms, found.to_ms))
    parts = [
        f"<header><div><h1>{_text(title)}</h1><div class=sub>{_text(_headline(found))}</div></div>"
        f"<div class='push sub'>{span}</div></header>",
        f"<p class=note>{_text(found.note)}</p>" if found.note else "",
        _kpis(found),
        "<section class=grid>",
        _card("w12", "Growth", _growth(found) + _fallen(found), _legend(found)),
        _card(
            "w8",
            "Months",
            _months(found),
            "Returns in percent, without what was paid in or out.",
        ),
        _card("w4", "Money", _pairs(_money_rows(found)), f"In {found.currency}."),
        _card("w12", "Who made it", _contributions(found), "Open positions at market prices included."),
        *[_card("w6", title, _groups(found.groups.get(kind, []))) for kind, title in _KINDS.items()],
        _card("w6", "Drawdowns", _falls(found), "The five deepest."),
        _card("w6", "Figures", _pairs(_figure_rows(found.figures)), "By day, 365 days a year."),
        _card("w6", f"Against {found.benchmark}", _pairs(_figure_rows(found.against)), "Bought and held.")
        if found.against
        else "",
        "</section>",
        f"<footer>What was earned says nothing of what will be. Made by CryptoBot {_text(version)} at "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</footer>",
    ]
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><title>{_text(title)}</title><style>{stylesheet()}{_OWN_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def summary(found: Performance) -> str:
    """The report in a few lines, for a message."""
    figures = found.figures
    lines = [
        " to ".join(_span(found.from_ms, found.to_ms)),
        f"Profit {found.profit:+.2f} {found.currency}, {_percent(figures.get('total_return'))}; "
        f"equity {found.end_equity:.2f} {found.currency}.",
        f"Worst drawdown {_percent(figures.get('max_drawdown'))}, fees {found.fees:.2f}, "
        f"{int(figures.get('trades') or 0)} closed trades.",
    ]
    if found.against:
        held = found.against.get("benchmark_return")
        lines.append(f"{found.benchmark} held: {_percent(held)}.")
    lines += [f"{one.strategy} {one.symbol}: {one.profit:+.2f}" for one in found.contributions[:5]]
    return "\n".join(lines)


def _headline(found: Performance) -> str:
    compared = f", compared with {found.benchmark}" if found.against else ""
    return f"{found.currency} account{compared}"


def _kpis(found: Performance) -> str:
    figures, money = found.figures, found.profit
    cells = [
        ("Profit", f"{money:+,.2f}", _sign(float(money))),
        ("Return", _percent(figures.get("total_return")), _sign(figures.get("total_return"))),
        ("Sharpe", _number(figures.get("sharpe")), ""),
        ("Sortino", _number(figures.get("sortino")), ""),
        ("Calmar", _number(figures.get("calmar")), ""),
        ("Worst drawdown", _percent(figures.get("max_drawdown")), "down"),
        ("Exposure", _share(figures.get("exposure")), ""),
        ("Fees", f"{found.fees:,.2f}", ""),
    ]
    if found.against:
        cells.append(
            ("Alpha a year", _percent(found.against.get("alpha")), _sign(found.against.get("alpha")))
        )
        cells.append(("Beta", _number(found.against.get("beta")), ""))
    boxes = "".join(
        f"<div class=kpi><span>{name}</span><b class='{cls}'>{value}</b></div>" for name, value, cls in cells
    )
    return f"<section class=kpis>{boxes}</section>"


def _card(width: str, title: str, body: str, note: str = "") -> str:
    told = f"<p class=note>{_text(note)}</p>" if note else ""
    return f"<div class='card {width}'><h2>{_text(title)}</h2>{told}{body}</div>"


def _legend(found: Performance) -> str:
    mine = "Blue: what one unit of money grew to"
    return f"{mine}; gold: {found.benchmark}, bought and held." if found.against else f"{mine}."


def _growth(found: Performance) -> str:
    lows = [*found.curve, *found.held]
    low, high = min(lows), max(lows)
    margin = (high - low) * 0.05 or 0.01
    chart = _Chart(found.times_ms, low - margin, high + margin, _HIGH)
    lines = chart.line(found.curve, "mine") + (chart.line(found.held, "other") if found.held else "")
    return chart.drawn("Growth over time", lines)


def _fallen(found: Performance) -> str:
    chart = _Chart(found.times_ms, min(*found.fallen, -0.001), 0.0, 120)
    return chart.drawn("Drawdown over time", chart.area(found.fallen, "fall"))


class _Chart:
    """Values over time as SVG."""

    def __init__(self, times: Sequence[int], low: float, high: float, height: int) -> None:
        self._times, self._low, self._high, self._height = times, low, high, height

    def _points(self, values: Sequence[float]) -> list[str]:
        begin, span = self._times[0], max(1, self._times[-1] - self._times[0])
        scale = (self._height - 24) / ((self._high - self._low) or 1)
        return [
            f"{(when - begin) / span * (_WIDE - _SIDE):.1f},{self._y(value, scale):.1f}"
            for when, value in zip(self._times, values, strict=True)
        ]

    def _y(self, value: float, scale: float) -> float:
        return 6 + (self._high - value) * scale

    def line(self, values: Sequence[float], name: str) -> str:
        return f'<polyline class="line {name}" points="{" ".join(self._points(values))}"/>'

    def area(self, values: Sequence[float], name: str) -> str:
        corners = ["0,6.0", *self._points(values), f"{_WIDE - _SIDE},6.0"]
        return f'<polygon class="{name}" points="{" ".join(corners)}"/>'

    def drawn(self, title: str, inside: str) -> str:
        """With four lines of a grid and the times of both ends."""
        scale, marks = (self._height - 24) / ((self._high - self._low) or 1), []
        for part in range(4):
            value = self._low + (self._high - self._low) * part / 3
            y = self._y(value, scale)
            shown = f"{value:.1%}" if self._high <= 0 else f"{value - 1:+.1%}"
            marks.append(
                f'<line class="axis" x1="0" x2="{_WIDE - _SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{_WIDE - _SIDE + 6}" y="{y + 4:.1f}">{shown}</text>'
            )
        foot = self._height - 2
        left, right = _span(self._times[0], self._times[-1])
        ends = (
            f'<text x="0" y="{foot}">{left}</text>'
            f'<text x="{_WIDE - _SIDE}" y="{foot}" text-anchor="end">{right}</text>'
        )
        return (
            f'<svg viewBox="0 0 {_WIDE} {self._height}" role="img" aria-label="{title}">'
            f"{''.join(marks)}{inside}{ends}</svg>"
        )


def _months(found: Performance) -> str:
    years: dict[int, dict[int, float]] = {}
    for year, month, value in found.months:
        years.setdefault(year, {})[month] = value
    rows = []
    for year, values in sorted(years.items()):
        whole = 1.0
        for value in values.values():
            whole *= 1.0 + value
        cells = [f"<td class='{_sign(values.get(m))}'>{_tenth(values.get(m))}</td>" for m in range(1, 13)]
        rows.append(f"<tr><td>{year}</td>{''.join(cells)}<td><b>{_tenth(whole - 1.0)}</b></td></tr>")
    return _table(["", *_MONTHS, "Year"], rows)


def _contributions(found: Performance) -> str:
    rows = [
        f"<tr><td>{_text(one.strategy)}</td><td>{_text(one.symbol)}</td>"
        f"<td class='{_sign(float(one.profit))}'>{one.profit:+,.2f}</td><td>{one.realised:+,.2f}</td>"
        f"<td>{one.unrealised:+,.2f}</td><td>{_percent(one.part)}</td></tr>"
        for one in found.contributions
    ]
    rows.append(
        f"<tr><td>Nobody's fills explain</td><td></td><td>{found.unexplained:+,.2f}</td>"
        "<td></td><td></td><td></td></tr>"
    )
    return _table(["Strategy", "Market", "Profit", "Realised", "Open", "Of the equity"], rows)


def _groups(groups: Iterable[TradeGroup]) -> str:
    rows = [
        f"<tr><td>{_text(one.name)}</td><td>{one.trades}</td>"
        f"<td>{_share(one.wins / one.trades if one.trades else None)}</td>"
        f"<td class='{_sign(float(one.profit))}'>{one.profit:+,.2f}</td>"
        f"<td>{_number(one.profit_factor)}</td><td>{one.fees:,.2f}</td></tr>"
        for one in groups
    ]
    empty = "<p class=note>No trade was made.</p>"
    return _table(["", "Trades", "Won", "Profit", "Factor", "Fees"], rows) if rows else empty


def _falls(found: Performance) -> str:
    rows = []
    for depth, high, bottom, over, days in found.falls:
        until = "not yet" if over is None else _day(over)
        rows.append(
            f"<tr><td class=down>{_percent(depth)}</td><td>{_day(high or 0)}</td><td>{_day(bottom or 0)}</td>"
            f"<td>{until}</td><td>{days or 0:.1f}</td></tr>"
        )
    return _table(["Deepest", "From", "Bottom", "Until", "Days"], rows)


def _money_rows(found: Performance) -> list[tuple[str, str]]:
    rows: list[tuple[str, Decimal]] = [
        ("Equity at the beginning", found.start_equity),
        ("Paid in and out", found.flows),
        ("Profit", found.profit),
        ("Equity at the end", found.end_equity),
        ("Fees, in the profit", found.fees),
    ]
    return [(name, f"{value:,.2f}") for name, value in rows]


def _figure_rows(figures: dict[str, float | None]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _figure(name, value)) for name, value in figures.items()]


def _figure(name: str, value: float | None) -> str:
    if name in ("days", "max_drawdown_days") or not any(part in name for part in _PERCENT):
        return _number(value)
    return _share(value) if name in _SHARES else _percent(value)


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    return (
        "<div class=pairs>"
        + "".join(f"<span>{_text(name)}</span><b>{value}</b>" for name, value in rows)
        + "</div>"
    )


def _table(titles: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    return (
        f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _text(value: str) -> str:
    return html.escape(value)


def _span(from_ms: int, to_ms: int) -> tuple[str, str]:
    """Both ends; with the time of day when they are near each other."""
    if to_ms - from_ms > _SHORT_MS:
        return _day(from_ms), _day(to_ms)
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (from_ms, to_ms))
    return f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M} UTC"


def _day(ms: float) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2%}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _tenth(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _sign(value: float | None) -> str:
    return "" if not value else "up" if value > 0 else "down"
