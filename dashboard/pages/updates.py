"""Updates: the version in use, newer ones, and the way back."""

from .page import Page

PAGE = Page(
    name="updates",
    title="Updates",
    path="/updates",
    icon="download",
    group="Administration",
    order=140,
    permission="service.read",
    channels=("core",),
)
