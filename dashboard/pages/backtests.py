"""Backtests: a strategy over the past, before it sees money."""

from .page import Page

PAGE = Page(
    name="backtests",
    title="Backtests",
    path="/backtests",
    icon="history",
    group="Research",
    order=35,
    permission="backtest.read",
    channels=("core", "strategy", "backtest"),
)
