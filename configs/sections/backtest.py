"""Settings of the backtest service, and of the gate before live trading."""

from typing import Annotated

from .base import Section, setting


class BacktestSettings(Section, frozen=True, kw_only=True):
    """Backtests started from the dashboard. The service runs with services.backtest.enabled."""

    workers: Annotated[
        int, setting("Processes of a sweep or search; 0 is one for each core.", ge=0, le=256)
    ] = 0
    jobs: Annotated[int, setting("Jobs that run at the same time; others wait.", ge=1, le=16)] = 1
    keep: Annotated[int, setting("Kept jobs; older ones are forgotten.", ge=10, le=100_000)] = 1000
    live_gate: Annotated[
        bool,
        setting("A strategy whose newest trust score is red does not start on a real exchange."),
    ] = True
