"""Updates: the version in use, newer ones, and the way back."""

from .page import Page

PAGE = Page(
    name="updates",
    title="Updates",
    path="/updates",
    icon="download",
    order=95,
    permission="service.read",
    channels=("core",),
)
