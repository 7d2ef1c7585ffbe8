"""API keys: what programs may do, and since when."""

from .page import Page

PAGE = Page(
    name="keys",
    title="API keys",
    path="/keys",
    icon="key",
    group="Administration",
    order=125,
    permission="apikey.manage",
)
