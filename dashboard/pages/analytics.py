"""Analytics: how the account did over any period, and why."""

from .page import Page

PAGE = Page(
    name="analytics",
    title="Analytics",
    path="/analytics",
    icon="trending-up",
    group="Research",
    order=52,
    permission="trade.read",
    channels=("core", "money"),
)
