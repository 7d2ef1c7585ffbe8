"""What the dashboard remembers of the bus: last values, short histories. Touched by the loop only."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

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

MAIN = "main"
MAX_ORDERS = 300
MAX_FILLS = 300
MAX_CANDLES = 1500
MAX_EQUITY_POINTS = 3000
MAX_ALERTS = 100
MAX_LINES = 400
MAX_SAMPLES = 120

ServiceView = dict[str, Any]
CandleRow = tuple[int, float, float, float, float, float, bool]
_STRICTNESS = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}
Owned = TypeVar("Owned", Order, Fill, Position, Balance)
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
        self.tradings: dict[str, TradingState] = {}
        self.orders: OrderedDict[str, Order] = OrderedDict()
        self.fills: OrderedDict[str, Fill] = OrderedDict()
        self.positions: dict[str, Position] = {}
        self.balances: dict[str, Balance] = {}
        self.equities: dict[str, Equity] = {}
        self.equity_points: list[tuple[int, float]] = []
        self._curves: dict[str, list[tuple[int, float]]] = {}
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

    @property
    def trading(self) -> TradingState | None:
        """The trading state of all accounts: the strictest, with the account's name before its reason."""
        strictest = max(
            self.tradings.values(),
            key=lambda one: (_STRICTNESS.get(one.state, 0), one.account == MAIN),
            default=None,
        )
        if strictest is None or strictest.account == MAIN:
            return strictest
        return msgspec.structs.replace(strictest, reason=f"{strictest.account}: {strictest.reason}")

    @property
    def equity(self) -> Equity | None:
        """What all accounts in main's currency are worth together."""
        return added(list(self.equities.values()))

    def put_trading(self, state: TradingState) -> None:
        """Keep the trading state of an account."""
        self.tradings[state.account] = state

    def put_portfolio(self, portfolio: Portfolio) -> None:
        """Take the answer of an account's trade service as the whole truth about it."""
        account = portfolio.trading_state.account
        self.positions = {key: one for key, one in self.positions.items() if one.account != account}
        self.balances = {key: one for key, one in self.balances.items() if one.account != account}
        self.positions |= {position_key(item): item for item in portfolio.positions}
        self.balances |= {balance_key(item): item for item in portfolio.balances}
        self.put_trading(portfolio.trading_state)
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
        self.fills[f"{_of(fill.account)}{fill.exchange}|{fill.id}"] = fill
        while len(self.fills) > MAX_FILLS:
            self.fills.popitem(last=False)

    def revalue(self, candle: Candle) -> list[Position]:
        """The positions in the candle's market, one an account, at its price."""
        found = []
        for account in self.tradings or (MAIN,):
            key = f"{_of(account)}{candle.exchange}|{candle.symbol}"
            position = self.positions.get(key)
            if position is None or position.average is None or not position.amount:
                continue
            gain = (Decimal(candle.close) - position.average) * position.amount
            self.positions[key] = msgspec.structs.replace(position, unrealised_pnl=gain)
            found.append(self.positions[key])
        return found

    def put_equity(self, equity: Equity) -> None:
        """Keep the newest value of an account and a thinned history of all together."""
        known = self.equities.get(equity.account)
        if known is None or equity.ts_ms >= known.ts_ms:
            self.equities[equity.account] = equity
        points, whole = self.equity_points, self.equity
        if whole is None or (points and points[-1][0] >= equity.ts_ms):
            return
        points.append((equity.ts_ms, float(whole.equity)))
        if len(points) > MAX_EQUITY_POINTS:
            # The older half keeps every second point: the whole history stays, coarser with age.
            half = len(points) // 2
            self.equity_points = points[:half:2] + points[half:]

    def put_equity_history(self, points: list[Equity], account: str = MAIN) -> None:
        """Take the curve of an account; the curve of all is their sum at every point of each."""
        self._curves[account] = [(point.ts_ms, float(point.equity)) for point in points]
        self.equity_points = _sum_of(list(self._curves.values()))
        if points:
            self.equities[account] = points[-1]

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
        for channel in sorted(channels):
            name, at, account = channel.partition("@")
            if at and name == "money":
                for key, value in self._export_money(account).items():
                    both = isinstance(value, list) and isinstance(result.get(key), list)
                    result[key] = [*result[key], *value] if both else value
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

    def _export_money(self, account: str = "") -> dict[str, Any]:
        """What is known of the money of one account, or of all."""

        def own(items: Iterable[Owned]) -> list[Owned]:
            return [one for one in items if account in ("", one.account)]

        return {
            "orders": own(self.orders.values()),
            "fills": own(self.fills.values()),
            "positions": own(self.positions.values()),
            "balances": own(self.balances.values()),
            "equity": self.equities.get(account) if account else self.equity,
            "equity_points": self._curves.get(account, []) if account else self.equity_points,
        }

    def _export_market(self) -> dict[str, Any]:
        return {"series": [series.export() for series in self.series.values()]}

    def _export_strategy(self) -> dict[str, Any]:
        return {"strategies": self.strategies, "signals": list(self.signals)}


def position_key(position: Position) -> str:
    """What names a position over all accounts."""
    return f"{_of(position.account)}{position.exchange}|{position.symbol}"


def balance_key(balance: Balance) -> str:
    """What names a balance over all accounts."""
    return f"{_of(balance.account)}{balance.exchange}|{balance.asset}"


def added(equities: list[Equity]) -> Equity | None:
    """What accounts are worth together, as of the newest; those in another currency than the first's are
    left out.
    """
    if len(equities) < 2:
        return equities[0] if equities else None
    first = next((one for one in equities if one.account == MAIN), equities[0])
    own = [one for one in equities if one.currency == first.currency]
    return msgspec.structs.replace(
        first,
        equity=sum((one.equity for one in own), Decimal(0)),
        start_equity=sum((one.start_equity for one in own), Decimal(0)),
        realised_pnl=sum((one.realised_pnl for one in own), Decimal(0)),
        unrealised_pnl=sum((one.unrealised_pnl for one in own), Decimal(0)),
        ts_ms=max(one.ts_ms for one in own),
        account="",
    )


def _sum_of(curves: list[list[tuple[int, float]]]) -> list[tuple[int, float]]:
    """The sum of curves, each as it was last at that time."""
    if len(curves) == 1:
        return list(curves[0])
    steps = sorted((ts_ms, number, value) for number, one in enumerate(curves) for ts_ms, value in one)
    last: dict[int, float] = {}
    found: dict[int, float] = {}
    for ts_ms, number, value in steps:
        last[number] = value
        found[ts_ms] = sum(last.values())
    return list(found.items())


def _of(account: str) -> str:
    return "" if account == MAIN else f"{account}|"


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
