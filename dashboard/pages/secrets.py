"""The secrets: names, ages, who is handed them; values go in and never come out."""

from .page import Page

PAGE = Page(
    name="secrets",
    title="Secrets",
    path="/secrets",
    icon="lock",
    group="Administration",
    order=95,
    permission="secret.read",
    channels=("core",),
)
