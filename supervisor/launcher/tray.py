"""An icon in the desktop's tray, where there is a tray and pystray is installed; else nothing."""

import importlib.util
import json
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from ...configs.paths import Home
from .sign import Look, image


class Choice(NamedTuple):
    """One line of the icon's menu. Both calls come from threads of the tray."""

    label: str
    chosen: Callable[[], None]
    possible: Callable[[], bool]


class _Icon(Protocol):
    def show(self, look: Look) -> None:
        """Look otherwise."""

    def end(self) -> None:
        """Go away."""


class Tray:
    """The icon, on threads of its own: a tray may be slow or gone, and the window must not wait for it.

    The window does all that the icon does, so whatever is missing costs no more than a line in the log.

    Args:
        pressed: called when the icon is pressed where trays show no menus (the plain trays of X11).
    """

    def __init__(
        self, home: Home, choices: Sequence[Choice], pressed: Callable[[], None], look: Look
    ) -> None:
        self._icon: _Icon | None = None
        self._look = look
        if importlib.util.find_spec("pystray") is None:
            return
        try:
            self._icon = _made(choices, pressed, look)
        except Exception as error:  # each desktop's backend raises its own kinds
            _log(home, "no icon in the tray", f"{type(error).__name__}: {error}")

    @property
    def there(self) -> bool:
        """Whether there is an icon."""
        return self._icon is not None

    def show(self, look: Look) -> None:
        """Let the icon tell something else; a moment later it does."""
        if self._icon is not None and look != self._look:
            self._look = look
            self._icon.show(look)

    def end(self) -> None:
        """Take it away."""
        if self._icon is not None:
            self._icon.end()
            self._icon = None


def _made(choices: Sequence[Choice], pressed: Callable[[], None], look: Look) -> _Icon:
    """The icon that this desktop can show."""
    import pystray

    if pystray.Icon.__module__.endswith("_xorg"):
        from .x11tray import X11Tray

        return X11Tray(look, pressed)
    return _WithMenu(choices, look)


class _WithMenu:
    """An icon whose menu the tray itself shows: Windows, macOS, and desktops with AppIndicator or GTK."""

    def __init__(self, choices: Sequence[Choice], look: Look) -> None:
        import pystray

        lines = [_line(choice, default=number == 0) for number, choice in enumerate(choices)]
        self._icon: Any = pystray.Icon("cryptobot", image(look.colour), look.sentence, pystray.Menu(*lines))
        self._icon.run_detached()
        self._news: queue.SimpleQueue[Look | None] = queue.SimpleQueue()
        threading.Thread(target=self._follow, name="launcher-tray", daemon=True).start()

    def show(self, look: Look) -> None:
        self._news.put(look)

    def end(self) -> None:
        self._news.put(None)

    def _follow(self) -> None:
        while (look := self._news.get()) is not None:
            self._icon.icon = image(look.colour)
            self._icon.title = look.sentence
            self._icon.update_menu()
        self._icon.stop()


def _line(choice: Choice, *, default: bool) -> Any:
    import pystray

    return pystray.MenuItem(
        choice.label,
        lambda: choice.chosen(),
        default=default,
        enabled=lambda _item: choice.possible(),
    )


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
