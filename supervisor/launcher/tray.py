"""An icon in the desktop's tray, where there is a tray and pystray is installed; else nothing."""

import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ...configs.paths import Home

_SIZE = 64


class Tray:
    """The icon, on a thread of its own. Both calls come from that thread.

    The window does all that the icon does, so whatever is missing costs no more than a line in the log.
    """

    def __init__(self, home: Home, show: Callable[[], None], close: Callable[[], None]) -> None:
        self._icon: Any = None
        if importlib.util.find_spec("pystray") is None:
            return
        try:
            _require_tray()
            icon = _icon(home, show, close)
            icon.run_detached()
            self._icon = icon
        except Exception as error:  # each desktop's backend raises its own kinds
            _log(home, "no icon in the tray", f"{type(error).__name__}: {error}")

    @property
    def there(self) -> bool:
        """Whether there is an icon."""
        return self._icon is not None

    def end(self) -> None:
        """Take it away."""
        if self._icon is not None:
            self._icon.stop()
            self._icon = None


def _icon(home: Home, show: Callable[[], None], close: Callable[[], None]) -> Any:
    import pystray
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (_SIZE, _SIZE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((2, 2, _SIZE - 2, _SIZE - 2), radius=14, fill="#1f6feb")
    draw.line([(14, 44), (26, 30), (36, 38), (50, 18)], fill="white", width=6, joint="curve")
    menu = pystray.Menu(
        pystray.MenuItem("Show", lambda: show(), default=True), pystray.MenuItem("Close", lambda: close())
    )
    return pystray.Icon("cryptobot", image, f"CryptoBot in {home.root}", menu)


def _require_tray() -> None:
    """Raise LookupError when an X11 desktop has no tray: the backend would say so too late."""
    import pystray

    if not pystray.Icon.__module__.endswith("_xorg"):
        return
    from Xlib import X, display

    screen = display.Display()
    try:
        atom = screen.intern_atom(f"_NET_SYSTEM_TRAY_S{screen.get_default_screen()}")
        if screen.get_selection_owner(atom) == X.NONE:
            raise LookupError("this desktop has no tray")
    finally:
        screen.close()


def _log(home: Home, event: str, reason: str) -> None:
    """One line in logs/launcher.log; a home that is not there yet gets none."""
    line = {
        "ts": datetime.now(UTC).isoformat(),
        "level": "info",
        "service": "launcher",
        "event": event,
        "reason": " ".join(reason.split()),
    }
    if home.logs.is_dir():
        with (home.logs / "launcher.log").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
