"""Where the dashboard is, and what a person needs to get in."""

import json
import os
import sys
import webbrowser

from ...configs.errors import NotRunningError
from ...configs.paths import Home


def address(home: Home) -> str:
    """The address the dashboard really listens on; it writes it when it is ready.

    Raises:
        NotRunningError: the dashboard is not up.
    """
    try:
        url: str = json.loads((home.run / "dashboard.json").read_bytes())["url"]
    except (OSError, ValueError, KeyError):
        raise NotRunningError(
            "The dashboard is not up; `cryptobot status` shows why, `cryptobot start dashboard` starts it."
        ) from None
    return url


def initial_password(home: Home) -> str | None:
    """The generated password of the user admin; None when it was changed or there is none yet."""
    try:
        return (home.keys / "initial-password").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def has_screen() -> bool:
    """Whether a browser could show something: a display, and a person at a terminal."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    if sys.platform in {"win32", "darwin"}:
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> bool:
    """Open the page when there is a screen."""
    return has_screen() and webbrowser.open(url)


def address_or_nothing(home: Home) -> str:
    """As `address`; "" when the dashboard is not up."""
    try:
        return address(home)
    except NotRunningError:
        return ""
