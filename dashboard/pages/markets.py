"""Candles as far back as they are kept, with the bot's fills and the strategies' lines."""

from .page import Page

PAGE = Page(
    name="markets",
    title="Markets",
    path="/markets",
    icon="chart-candle",
    group="Trading",
    order=15,
    permission="market.read",
    channels=("core", "money", "market", "depth"),
)
