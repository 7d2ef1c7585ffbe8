"""Messages as they pass, with a filter."""

from .page import Page

PAGE = Page(
    name="bus",
    title="Bus",
    path="/bus",
    icon="activity",
    order=65,
    permission="audit.read",
    channels=("core", "bus"),
)
