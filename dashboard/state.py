"""What the dashboard remembers of the bus: last values, short histories. Touched by the loop only."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from ..bus.contracts.auth import AuditEntry
from ..bus.contracts.market import Candle, Feeds
from ..bus.contracts.service import (
    Alert,
    Audit,
    Heartbeat,
    LogLine,
    ServiceState,
    ServiceStats,
    SupervisorStatus,
)
from ..bus.contracts.strategy import IndicatorValues, Signal, Strategies
from ..bus.contracts.trade import Balance, Equity, Fill, Order, Portfolio, Position, TradingState

MAX_ORDERS = 300
MAX_FILLS = 300
MAX_CANDLES = 1500
MAX_EQUITY_POINTS = 3000
MAX_ALERTS = 100
MAX_LINES = 400
MAX_SAMPLES = 120

ServiceView = dict[str, Any]
CandleRow = tuple[int, float, float, float, float, float, bool]
FINISHED_ORDERS = frozenset({"FILLED", "CANCELED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED"})


class Series:
    """The candles of one market, newest last, and the indicators drawn over them."""

    def __init__(self, exchange: str, symbol: str, timeframe: str) -> None:
        self.exchange, self.symbol, self.timeframe = exchange, symbol, timeframe
        self.rows: OrderedDict[int, CandleRow] = OrderedDict()
        self.indicators: dict[str, OrderedDict[int, float]] = {}

    @property
    def key(self) -> str:
        return f"{self.exchange}|{self.symbol}|{self.timeframe}"

    def put(self, candle: Candle) -> CandleRow:
        """Keep a candle; a bar that was seen before is replaced. Floats are for drawing only."""
        row = (
            candle.open_ms, float(candle.open), float(candle.high), float(candle.low), float(candle.close),
            float(candle.volume), candle.closed,
        )  # fmt: skip
        late = (
            bool(self.rows) and candle.open_ms < next(reversed(self.rows)) and candle.open_ms not in self.rows
        )
        self.rows[candle.open_ms] = row
        if late:
            self.rows = OrderedDict(sorted(self.rows.items()))
        while len(self.rows) > MAX_CANDLES:
            self.rows.popitem(last=False)
        return row

    def put_indicators(self, values: IndicatorValues) -> None:
        """Keep one point of each line."""
        for name, value in values.values.items():
            line = self.indicators.setdefault(f"{values.strategy}.{name}", OrderedDict())
            line[values.open_ms] = value
            while len(line) > MAX_CANDLES:
                line.popitem(last=False)

    def export(self) -> dict[str, Any]:
        """For the browser: rows of [open_ms, open, high, low, close, volume, closed]."""
        return {
            "exchange": self.exchange,
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "rows": list(self.rows.values()),
            "indicators": {name: list(line.items()) for name, line in self.indicators.items()},
        }


class LiveState:
    """Everything a page shows before the next message arrives."""

    def __init__(self) -> None:
        self.services: dict[str, ServiceView] = {}
        self.samples: dict[str, deque[tuple[float, int]]] = {}
        self.supervisor: dict[str, Any] = {}
        self.trading: TradingState | None = None
        self.orders: OrderedDict[str, Order] = OrderedDict()
        self.fills: OrderedDict[str, Fill] = OrderedDict()
        self.positions: dict[str, Position] = {}
        self.balances: dict[str, Balance] = {}
        self.equity: Equity | None = None
        self.equity_points: list[tuple[int, float]] = []
        self.series: dict[str, Series] = {}
        self.signals: deque[dict[str, Any]] = deque(maxlen=MAX_LINES)
        self.strategies: Strategies | None = None
        self.alerts: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.logs: deque[LogLine] = deque(maxlen=MAX_LINES)
        self.audit: deque[dict[str, Any]] = deque(maxlen=MAX_LINES)
        self.note = ""

    # services

    def put_status(self, status: SupervisorStatus, now_ms: int) -> None:
        """Take the supervisor's full list; services it does not name are gone."""
        self.supervisor = {
            "pid": status.pid,
            "state": status.state,
            "version": status.version,
            "started_ms": now_ms - int(status.uptime_s * 1000),
        }
        views: dict[str, ServiceView] = {}
        for item in status.services:
            view = self.services.get(item.name, {})
            view.update(
                name=item.name, title=item.title, state=item.state, ready=item.ready, pid=item.pid,
                restarts=item.restarts, health=item.health, reason=item.reason, requires=item.requires,
                cpu_percent=item.cpu_percent, rss_bytes=item.rss_bytes, secrets=item.secrets,
                memory_limit_bytes=item.memory_limit_bytes,
                started_ms=now_ms - int(item.uptime_s * 1000) if item.pid else 0,
            )  # fmt: skip
            views[item.name] = view
        self.services = views

    def put_service(self, state: ServiceState) -> ServiceView:
        """Take one change of state."""
        view = self.services.setdefault(state.name, {"name": state.name, "requires": []})
        if state.pid != view.get("pid"):
            view["started_ms"] = state.since_ns // 1_000_000 if state.pid else 0
            view.update(cpu_percent=0.0, rss_bytes=0)
        view.update(
            title=state.title, state=state.state, ready=state.ready, pid=state.pid, restarts=state.restarts,
            reason=state.reason, health=state.health, since_ms=state.since_ns // 1_000_000,
        )  # fmt: skip
        return view

    def put_stats(self, stats: ServiceStats, now_ms: int) -> ServiceView | None:
        """Take one sample of what a service uses; None when nobody told of the service yet."""
        view = self.services.get(stats.name)
        if view is None:
            return None
        view.update(
            cpu_percent=stats.cpu_percent, rss_bytes=stats.rss_bytes, threads=stats.threads,
            open_files=stats.open_files, started_ms=now_ms - int(stats.uptime_s * 1000),
        )  # fmt: skip
        ring = self.samples.setdefault(stats.name, deque(maxlen=MAX_SAMPLES))
        ring.append((stats.cpu_percent, stats.rss_bytes))
        return view

    def put_heartbeat(self, beat: Heartbeat) -> None:
        """Remember how far the service's loop lags behind the clock."""
        view = self.services.get(beat.name)
        if view is not None:
            view["loop_lag_ms"] = round(beat.loop_lag_ms, 1)

    # money

    def put_portfolio(self, portfolio: Portfolio) -> None:
        """Take trade's answer as the whole truth."""
        self.positions = {f"{item.exchange}|{item.symbol}": item for item in portfolio.positions}
        self.balances = {f"{item.exchange}|{item.asset}": item for item in portfolio.balances}
        self.trading = portfolio.trading_state
        if portfolio.equity is not None:
            self.put_equity(portfolio.equity)

    def put_order(self, order: Order) -> bool:
        """Keep the newest account of an order; False when an older one arrived late."""
        known = self.orders.get(order.id)
        if known is not None and known.updated_ms > order.updated_ms:
            return False
        self.orders[order.id] = order
        if len(self.orders) > MAX_ORDERS:
            _drop_oldest_finished(self.orders)
        return True

    def put_fill(self, fill: Fill) -> None:
        """Keep a fill; the same fill again changes nothing."""
        self.fills[f"{fill.exchange}|{fill.id}"] = fill
        while len(self.fills) > MAX_FILLS:
            self.fills.popitem(last=False)

    def revalue(self, candle: Candle) -> Position | None:
        """The position in the candle's market at its price; None when there is none."""
        key = f"{candle.exchange}|{candle.symbol}"
        position = self.positions.get(key)
        if position is None or position.average is None or not position.amount:
            return None
        gain = (Decimal(candle.close) - position.average) * position.amount
        self.positions[key] = msgspec.structs.replace(position, unrealised_pnl=gain)
        return self.positions[key]

    def put_equity(self, equity: Equity) -> None:
        """Keep the newest value and a thinned history of all."""
        if self.equity is None or equity.ts_ms >= self.equity.ts_ms:
            self.equity = equity
        points = self.equity_points
        if points and points[-1][0] >= equity.ts_ms:
            return
        points.append((equity.ts_ms, float(equity.equity)))
        if len(points) > MAX_EQUITY_POINTS:
            # The older half keeps every second point: the whole history stays, coarser with age.
            half = len(points) // 2
            self.equity_points = points[:half:2] + points[half:]

    def put_equity_history(self, points: list[Equity]) -> None:
        """Take trade's curve."""
        self.equity_points = [(point.ts_ms, float(point.equity)) for point in points]
        if points:
            self.equity = points[-1]

    # markets and strategies

    def series_of(self, exchange: str, symbol: str, timeframe: str) -> Series:
        """The series of a market, made when it is new."""
        fresh = Series(exchange, symbol, timeframe)
        return self.series.setdefault(fresh.key, fresh)

    def put_feeds(self, feeds: Feeds) -> None:
        """Remember what must be said of the prices."""
        self.note = feeds.note

    def put_signal(self, signal: Signal, ts_ms: int) -> dict[str, Any]:
        """Keep a strategy's decision."""
        entry = {"ts_ms": ts_ms, "signal": signal}
        self.signals.append(entry)
        return entry

    # messages for people

    def put_alert(self, alert: Alert, ts_ms: int) -> dict[str, Any]:
        """One entry a fault: the newest word on it counts."""
        known = self.alerts.pop(alert.key, None)
        entry = {
            "key": alert.key, "severity": alert.severity, "source": alert.source, "title": alert.title,
            "detail": alert.detail, "recovered": alert.recovered, "ts_ms": ts_ms,
            "since_ms": known["since_ms"] if known and not known["recovered"] else ts_ms,
        }  # fmt: skip
        self.alerts[alert.key] = entry
        while len(self.alerts) > MAX_ALERTS:
            self.alerts.popitem(last=False)
        return entry

    def put_audit(self, audit: Audit, ts_ms: int) -> dict[str, Any]:
        """Keep who did what."""
        entry = {"ts_ms": ts_ms, "audit": audit}
        self.audit.append(entry)
        return entry

    def put_audit_log(self, entries: list[AuditEntry]) -> None:
        """Take auth's log, newest first, as the whole truth."""
        self.audit.clear()
        for one in reversed(entries):
            audit = Audit(
                kind=one.kind,
                actor=one.actor,
                action=one.action,
                subject=one.subject,
                detail=one.detail,
                ok=one.ok,
            )
            self.put_audit(audit, one.ts_ms)

    def export(self, channels: frozenset[str]) -> dict[str, Any]:
        """What a browser that follows these channels must know first."""
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "core": self._export_core, "money": self._export_money, "market": self._export_market,
            "strategy": self._export_strategy, "logs": lambda: {"logs": list(self.logs)},
            "audit": lambda: {"audit": list(self.audit)},
        }  # fmt: skip
        result: dict[str, Any] = {"server_ms": now_ms()}
        for channel in sorted(channels & parts.keys()):
            result.update(parts[channel]())
        return result

    def _export_core(self) -> dict[str, Any]:
        return {
            "services": list(self.services.values()),
            "samples": {name: list(ring) for name, ring in self.samples.items()},
            "supervisor": self.supervisor,
            "alerts": list(self.alerts.values()),
            "note": self.note,
            "trading": self.trading,
        }

    def _export_money(self) -> dict[str, Any]:
        return {
            "orders": list(self.orders.values()),
            "fills": list(self.fills.values()),
            "positions": list(self.positions.values()),
            "balances": list(self.balances.values()),
            "equity": self.equity,
            "equity_points": self.equity_points,
        }

    def _export_market(self) -> dict[str, Any]:
        return {"series": [series.export() for series in self.series.values()]}

    def _export_strategy(self) -> dict[str, Any]:
        return {"strategies": self.strategies, "signals": list(self.signals)}


def is_open(order: Order) -> bool:
    """May this order still fill?"""
    return order.state not in FINISHED_ORDERS


def gain(equity: Equity | None) -> Decimal | None:
    """What the account gained since this home began, in its currency."""
    return None if equity is None else equity.equity - equity.start_equity


def now_ms() -> int:
    """Wall-clock milliseconds."""
    return time.time_ns() // 1_000_000


def _drop_oldest_finished(orders: OrderedDict[str, Order]) -> None:
    for key, order in orders.items():
        if not is_open(order):
            del orders[key]
            return
