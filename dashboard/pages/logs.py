"""What all services write, as they write it."""

from .page import Page

PAGE = Page(
    name="logs",
    title="Logs",
    path="/logs",
    icon="file-text",
    group="Platform",
    order=75,
    permission="service.read",
    channels=("core", "output"),
)
