"""Accounts and roles."""

from .page import Page

PAGE = Page(
    name="users",
    title="Users",
    path="/users",
    icon="user",
    order=100,
    permission="user.read",
    channels=("core",),
)
