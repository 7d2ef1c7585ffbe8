"""Every order of this home."""

from .page import Page

PAGE = Page(
    name="orders",
    title="Orders",
    path="/orders",
    icon="list-details",
    group="Trading",
    order=30,
    permission="trade.read",
    channels=("core", "money"),
    primary=True,
)
