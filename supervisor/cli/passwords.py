"""Passwords from the keyboard, or one line of stdin; never from the command line, which others can see."""

import sys

import click

from ...configs.errors import UsageError


def read_password() -> str:
    """A new password: asked twice on a terminal; else the first line of stdin.

    Raises:
        UsageError: nothing was given.
    """
    return read_secret("New password")


def read_secret(what: str) -> str:
    """Asked twice on a terminal; else the first line of stdin.

    Raises:
        UsageError: nothing was given.
    """
    if sys.stdin.isatty():
        word: str = click.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
    else:
        word = sys.stdin.readline().rstrip("\n")
    if not word:
        raise UsageError(f"{what}: it is expected on stdin.")
    return word
