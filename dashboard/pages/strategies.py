"""What runs, on what, with which parameters, and what it decided."""

from .page import Page

PAGE = Page(
    name="strategies",
    title="Strategies",
    path="/strategies",
    icon="robot",
    group="Trading",
    order=20,
    permission="strategy.read",
    channels=("core", "strategy"),
    primary=True,
)
