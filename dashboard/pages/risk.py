"""Risk: how much of every limit is used, and what it stops."""

from .page import Page

PAGE = Page(
    name="risk",
    title="Risk",
    path="/risk",
    icon="shield-check",
    group="Trading",
    order=55,
    permission="trade.read",
    channels=("core", "money"),
)
