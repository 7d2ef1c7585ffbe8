"""Where the dashboard is, and what a person needs to get in."""

import html
import json
import os
import sys
import webbrowser

from ...configs import firstrun
from ...configs.errors import NotRunningError
from ...configs.files import replace
from ...configs.paths import Home
from .output import note


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


def setup_address(home: Home) -> str:
    """Where the first-run wizard waits, with its one-time token behind the #, which no server is sent.

    "" when it is done, or the dashboard is not up.
    """
    try:
        token = (home.keys / "setup-token").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    url = address_or_nothing(home)
    return f"{url}setup#{token}" if token and url else ""


def tell_setup(home: Home) -> None:
    """On the first run: where the wizard is; and open it where there is a screen."""
    url = setup_address(home)
    if not url:
        return
    waits = " Until then nothing trades." if firstrun.pending(home) else ""
    note(f"\nThe first time: choose your password and what the bot does, in three steps.{waits}\n  {url}")
    note("It opens once, so keep it to yourself. The browser will ask once about the certificate.\n")
    if has_screen():
        open_privately(home, url)


def open_privately(home: Home, url: str) -> bool:
    """Open an address that holds a token by a page of the home: everybody sees the words of a command."""
    page = home.run / "setup.html"
    target = html.escape(url, quote=True)
    text = f'<!doctype html><meta http-equiv="refresh" content="0; url={target}">'
    replace(page, text.encode(), mode=0o600)
    return webbrowser.open(page.as_uri())


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
