"""Accounts and roles."""

from .page import Page

PAGE = Page(
    name="users",
    title="Users",
    path="/users",
    icon="users",
    group="Administration",
    order=100,
    permission="user.read",
    channels=("core",),
)
