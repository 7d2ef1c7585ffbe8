"""What all services write, as they write it."""

from .page import Page

PAGE = Page(
    name="logs",
    title="Logs",
    path="/logs",
    icon="file-text",
    order=70,
    permission="service.read",
    channels=("core", "output"),
)
