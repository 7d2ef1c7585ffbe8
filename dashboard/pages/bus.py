"""Messages as they pass, with a filter."""

from .page import Page

PAGE = Page(
    name="bus",
    title="Bus",
    path="/bus",
    icon="activity",
    group="Platform",
    order=70,
    permission="audit.read",
    channels=("core", "bus"),
)
