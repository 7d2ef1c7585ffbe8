"""The API, described and to be tried from the page."""

from .page import Page

PAGE = Page(
    name="tryapi",
    title="API",
    path="/api",
    icon="list-details",
    order=126,
    permission="market.read",
)
