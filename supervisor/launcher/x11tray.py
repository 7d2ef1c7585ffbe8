"""An icon in a plain tray of X11: the System Tray and XEMBED protocols of freedesktop.org, on one thread.

pystray speaks them too, but from several threads over one connection, which may wait for each other for ever,
and it never asks the server for presses (docs/decisions/0175).
"""

import os
import queue
import select
import threading
from collections.abc import Callable
from typing import Any

from .sign import Look, image

_DOCK = 0
_SIDE = 24
_MAPPED = 1


class X11Tray:
    """The icon. `show` and `end` may be called from any thread; `pressed` is called from the icon's own.

    A tray that dies takes the icon with it, and the next one gets it again.

    Raises:
        LookupError: this desktop has no tray.
    """

    def __init__(self, look: Look, pressed: Callable[[], None]) -> None:
        from Xlib import display

        self._look, self._pressed = look, pressed
        self._display: Any = display.Display()
        self._root = self._display.screen().root
        self._selection = self._atom(f"_NET_SYSTEM_TRAY_S{self._display.get_default_screen()}")
        if self._owner() is None:
            self._display.close()
            raise LookupError("this desktop has no tray")
        self._tray: Any = None
        self._window: Any = None
        self._news: queue.SimpleQueue[Look | None] = queue.SimpleQueue()
        self._wakes, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="launcher-icon", daemon=True)
        self._thread.start()

    def show(self, look: Look) -> None:
        """Look otherwise, a moment later."""
        self._tell(look)

    def end(self) -> None:
        """Go away, a moment later."""
        self._tell(None)

    def _tell(self, look: Look | None) -> None:
        if self._thread.is_alive():
            self._news.put(look)
            os.write(self._wake, b"x")

    # The thread of the icon

    def _run(self) -> None:
        from Xlib import X
        from Xlib.error import ConnectionClosedError

        try:
            self._root.change_attributes(event_mask=X.StructureNotifyMask)
            self._dock()
            while self._hear():
                while self._display.pending_events():
                    self._handle(self._display.next_event())
            if self._window is not None:
                self._window.destroy()
            self._display.close()
        except (ConnectionClosedError, OSError):
            return  # the screen is gone, and the window with it

    def _hear(self) -> bool:
        """Wait for the server or for news; False when the end was asked for."""
        self._display.flush()
        if self._display.pending_events():
            return True
        ready, _, _ = select.select([self._display.fileno(), self._wakes], [], [])
        if self._wakes in ready:
            os.read(self._wakes, 1)
            look = self._news.get()
            if look is None:
                return False
            self._look = look
            self._name()
            self._draw()
        return True

    def _handle(self, event: Any) -> None:
        from Xlib import X

        own = self._window is not None and getattr(event, "window", None) == self._window
        if event.type == X.ButtonRelease and own:
            self._pressed()
        elif event.type in (X.Expose, X.ConfigureNotify) and own:
            self._draw()
        elif event.type == X.DestroyNotify and (own or event.window == self._tray):
            self._lost()
        elif event.type == X.ClientMessage and event.client_type == self._atom("MANAGER"):
            self._dock()

    def _dock(self) -> None:
        """Ask the tray to take the icon in."""
        from Xlib import X
        from Xlib.protocol import event

        self._tray = self._owner()
        if self._tray is None:
            return
        self._tray.change_attributes(event_mask=X.StructureNotifyMask, onerror=_ignored)
        if self._window is None:
            self._window = self._made()
            self._name()
        request = event.ClientMessage(
            window=self._tray,
            client_type=self._atom("_NET_SYSTEM_TRAY_OPCODE"),
            data=(32, (X.CurrentTime, _DOCK, self._window.id, 0, 0)),
        )
        self._tray.send_event(request, onerror=_ignored)

    def _lost(self) -> None:
        """The tray died: without it the icon would be a window in a corner of the screen."""
        if self._window is not None:
            self._window.destroy(onerror=_ignored)
        self._tray = self._window = None
        self._dock()

    def _made(self) -> Any:
        from Xlib import X

        screen = self._display.screen()
        window = self._root.create_window(
            -1, -1, _SIDE, _SIDE, 0, screen.root_depth, X.InputOutput,
            event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask | X.ButtonReleaseMask,
        )  # fmt: skip
        window.set_wm_class("cryptobot", "CryptoBot")
        window.set_wm_normal_hints(flags=1 << 4, min_width=_SIDE, min_height=_SIDE)
        info = self._atom("_XEMBED_INFO")
        window.change_property(info, info, 32, [0, _MAPPED])
        return window

    def _name(self) -> None:
        if self._window is not None:
            text = self._look.sentence.encode()
            self._window.change_property(self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING"), 8, text)

    def _draw(self) -> None:
        from PIL import Image
        from Xlib.error import XError

        if self._window is None:
            return
        try:
            shape = self._window.get_geometry()
        except XError:
            return  # it is being destroyed, which is told next
        drawn = image(self._look.colour, round_corners=False).convert("RGB")
        scaled = drawn.resize((shape.width, shape.height), Image.Resampling.LANCZOS)
        context = self._window.create_gc()
        self._window.put_pil_image(context, 0, 0, scaled)
        context.free()

    def _owner(self) -> Any:
        from Xlib import X

        found = self._display.get_selection_owner(self._selection)
        return None if found == X.NONE else found

    def _atom(self, name: str) -> int:
        return int(self._display.intern_atom(name))


def _ignored(*_told: object) -> None:
    """The tray may die between two calls; that is told by an event."""
