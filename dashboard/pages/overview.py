"""How things stand: equity, price, orders, health, and the button that stops trading."""

from .page import Page

PAGE = Page(
    name="overview",
    title="Overview",
    path="/",
    icon="layout-dashboard",
    group="Trading",
    order=10,
    permission="trade.read",
    channels=("core", "money", "market", "strategy"),
    primary=True,
)
