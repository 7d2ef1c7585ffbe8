"""Orders, fills and positions as CSV (RFC 4180), newest first, however many there are: read page by page."""

import csv
import functools
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from flask import Flask, Response, request

from ...bus.contracts.trade import (
    Fill,
    Fills,
    GetPortfolio,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    Position,
)
from ...configs.accounts import service_of
from ..access import permitted, requires
from .answers import PREFIX, ask, number

R = TypeVar("R", Order, Fill, Position)

PAGE = 2000
_AS_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def install(app: Flask) -> None:
    """Add the routes."""
    app.add_url_rule(f"{PREFIX}/orders.csv", "api_orders_csv", orders, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/fills.csv", "api_fills_csv", fills, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/positions.csv", "api_positions_csv", positions, methods=["GET"])


@requires("trade.read", account="any")
def orders() -> Response:
    """All orders as CSV, newest first within each account: ?account=&open=1&symbol=."""
    symbol, open_only = request.args.get("symbol") or None, request.args.get("open") == "1"

    def page(account: str, last: Order | None) -> list[Order]:
        wish = ListOrders(
            symbol=symbol, open_only=open_only, limit=PAGE, older_than="" if last is None else last.id
        )
        return ask(service_of(account), wish, Orders).orders

    return _sent("orders", Order, page)


@requires("trade.read", account="any")
def fills() -> Response:
    """All fills as CSV, newest first within each account: ?account=&symbol=&since_ms=."""
    symbol, since_ms = request.args.get("symbol") or None, number("since_ms")

    def page(account: str, last: Fill | None) -> list[Fill]:
        older = "" if last is None else f"{last.exchange}|{last.symbol}|{last.id}"
        wish = ListFills(symbol=symbol, since_ms=since_ms, limit=PAGE, older_than=older)
        return ask(service_of(account), wish, Fills).fills

    return _sent("fills", Fill, page)


@requires("trade.read", account="any")
def positions() -> Response:
    """All positions as CSV: ?account=."""

    def page(account: str, last: Position | None) -> list[Position]:
        return [] if last else ask(service_of(account), GetPortfolio(), Portfolio).positions

    return _sent("positions", Position, page)


def _sent(name: str, kind: type[R], page: Callable[[str, R | None], list[R]]) -> Response:
    text = "".join(_lines(kind, page))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)


def _lines(kind: type[R], page: Callable[[str, R | None], list[R]]) -> Iterator[str]:
    yield _line(kind.__struct_fields__)
    for account in permitted():
        yield from _rows(kind, functools.partial(page, account))


def _rows(kind: type[R], page: Callable[[R | None], list[R]]) -> Iterator[str]:
    fields = kind.__struct_fields__
    last: R | None = None
    while rows := page(last):
        for row in rows:
            yield _line([_cell(name, getattr(row, name)) for name in fields])
        if len(rows) < PAGE:
            return
        last = rows[-1]


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if name.endswith("_ms") and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds") if value else ""
    text = str(value)
    # A spreadsheet would run what begins so; numbers may.
    return f"'{text}" if isinstance(value, str) and text.startswith(_AS_FORMULAS) else text


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
