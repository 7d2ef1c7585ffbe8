"""Every setting, where its value came from, and how to change it."""

from .page import Page

PAGE = Page(
    name="settings",
    title="Settings",
    path="/settings",
    icon="settings",
    group="Administration",
    order=90,
    permission="config.read",
    channels=("core",),
)
