"""Every execution, counted once."""

from .page import Page

PAGE = Page(
    name="fills",
    title="Fills",
    path="/fills",
    icon="receipt",
    group="Trading",
    order=40,
    permission="trade.read",
    channels=("core", "money"),
)
