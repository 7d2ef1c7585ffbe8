"""Alerts: what needs a person, and what did."""

from .page import Page

PAGE = Page(
    name="alerts",
    title="Alerts",
    path="/alerts",
    icon="bell",
    group="Platform",
    order=65,
    permission="health.read",
)
