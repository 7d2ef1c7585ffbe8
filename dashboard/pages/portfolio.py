"""Positions and balances."""

from .page import Page

PAGE = Page(
    name="portfolio",
    title="Portfolio",
    path="/portfolio",
    icon="wallet",
    group="Trading",
    order=50,
    permission="trade.read",
    channels=("core", "money"),
)
