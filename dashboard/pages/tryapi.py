"""The API, described and to be tried from the page."""

from .page import Page

PAGE = Page(
    name="tryapi",
    title="API",
    path="/api",
    icon="api",
    group="Administration",
    order=150,
    permission="market.read",
)
