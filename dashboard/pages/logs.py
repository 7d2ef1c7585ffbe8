"""Warnings and errors of all services, as they happen."""

from .page import Page

PAGE = Page(
    name="logs",
    title="Logs",
    path="/logs",
    icon="file-text",
    order=70,
    permission="service.read",
    channels=("core", "logs"),
)
