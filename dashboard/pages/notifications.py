"""Notifications: channels, rules, linked chats, the delivery log."""

from .page import Page

PAGE = Page(
    name="notifications",
    title="Notifications",
    path="/notifications",
    icon="send",
    group="Platform",
    order=66,
    permission="notify.read",
    channels=("core", "notify"),
)
