"""Whether a window can be shown here, and what to do when it cannot."""

import importlib.util
import os
import sys
from collections.abc import Mapping


def why_no_window(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> str:
    """The reason in one sentence, with what to do; "" when a window can be tried."""
    environ = os.environ if environment is None else environment
    if platform not in ("win32", "darwin") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return (
            "There is no screen here (DISPLAY is empty): use `cryptobot launcher --text`, or open the "
            "address that `cryptobot dashboard` prints in a browser elsewhere."
        )
    if importlib.util.find_spec("tkinter") is None or importlib.util.find_spec("_tkinter") is None:
        return (
            "This Python has no tkinter for the window: install it (Debian: python3-tk; macOS: python-tk), "
            "or use `cryptobot launcher --text`."
        )
    return ""
