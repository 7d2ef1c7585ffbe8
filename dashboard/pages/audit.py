"""Who did what."""

from .page import Page

PAGE = Page(
    name="audit",
    title="Audit",
    path="/audit",
    icon="shield-check",
    order=80,
    permission="audit.read",
    channels=("core", "audit"),
)
