"""Who did what."""

from .page import Page

PAGE = Page(
    name="audit",
    title="Audit",
    path="/audit",
    icon="clipboard-list",
    group="Administration",
    order=130,
    permission="audit.read",
    channels=("core", "audit"),
)
