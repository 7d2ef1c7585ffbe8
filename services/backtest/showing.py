"""Kept jobs as messages of the bus."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ...bus.contracts import backtest as messages
from ...configs.errors import UsageError
from ...configs.paths import Home
from .archive import Archive, Kept
from .jobs import request_again
from .report import page
from .run import run as run_again

_MOST_TRIALS = 5000
_CURVE = ("times_ms", "equity", "drawdown", "price")


def summary(run: Kept, **changed: Any) -> messages.BacktestSummary:
    """One line of a list."""
    told = run.summary
    equity, trust = told.get("final_equity"), told.get("trust") or {}
    parameters = told.get("parameters") or run.request.get("parameters") or {}
    values: dict[str, Any] = {
        "id": run.id,
        "kind": run.kind,
        "state": run.state,
        "strategy": run.strategy,
        "symbol": run.symbol,
        "timeframe": run.timeframe,
        "actor": run.actor,
        "created_ms": run.created_ms,
        "finished_ms": run.finished_ms,
        "reason": run.reason,
        "run_hash": run.run_hash,
        "final_equity": None if equity is None else Decimal(str(equity)),
        "metrics": _figures(told.get("metrics") or {}),
        "parameters": {name: str(value) for name, value in parameters.items()},
        "trust_score": trust.get("score"),
        "trust_colour": trust.get("colour", ""),
        **changed,
    }
    return messages.BacktestSummary(**values)


def _figures(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: None if value is None else float(value) for name, value in metrics.items()}


def whole(archive: Archive, run: Kept, most_trades: int) -> messages.Backtest:
    """One job with its curve, trades or trials."""
    values: dict[str, Any] = {}
    try:
        details = archive.details(run.id)
    except UsageError:
        details = {}
    curve = details.get("curve") or {}
    values.update({name: curve[name] for name in _CURVE if name in curve})
    trades = details.get("trades", [])
    values["trades"] = [_trade(trade) for trade in (trades[-most_trades:] if most_trades > 0 else [])]
    trials = archive.trials(run.id)
    values["trials"] = [
        messages.BacktestTrial(
            parameters={name: str(value) for name, value in row.parameters.items()},
            final_equity=row.final_equity,
            metrics=_figures(row.metrics),
        )
        for row in sorted(trials.values(), key=lambda row: -row.final_equity)[:_MOST_TRIALS]
    ]
    told = {name: run.summary[name] for name in ("steps", "monte_carlo", "trust") if name in run.summary}
    return messages.Backtest(summary=summary(run), details=json.dumps(told) if told else "", **values)


def _trade(trade: Mapping[str, Any]) -> messages.BacktestTrade:
    return messages.BacktestTrade(
        entry_ms=trade["entry_ms"],
        exit_ms=trade["exit_ms"],
        entry_price=Decimal(str(trade["entry_price"])),
        exit_price=Decimal(str(trade["exit_price"])),
        amount=Decimal(str(trade["qty"])),
        pnl=Decimal(str(trade["pnl_net"])),
        reason=trade["reason"],
        symbol=trade.get("symbol", ""),
    )


def report(home: Home, run: Kept) -> str:
    """The HTML page of a single run, made again from its candles.

    Raises:
        UsageError: it is no single run, or its data are gone.
    """
    return page(run_again(request_again(home, run)))


def stored_series(home: Home) -> list[str]:
    """Series of the local store, as EXCHANGE/MARKET/TIMEFRAME."""
    root = home.state / "market"
    found = [path.parent.relative_to(root).as_posix() for path in root.glob("*/*/*/open_ms.i64")]
    return sorted(found)


def verdict(archive: Archive, strategy: str, symbol: str, code_hash: str) -> messages.TrustVerdict:
    """The newest trust score of a strategy on a market."""
    found = archive.trust(strategy, symbol)
    if not found:
        return messages.TrustVerdict(colour="", score=0, made_ms=0, current=False, reasons=[])
    newest = found[0]
    return messages.TrustVerdict(
        colour=newest["colour"],
        score=newest["score"],
        made_ms=newest["made_ms"],
        current=newest["code_hash"] == code_hash,
        reasons=newest["reasons"],
    )
