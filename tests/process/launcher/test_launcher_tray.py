"""The icon in a real tray (trayer, under Xvfb): seen by its pixels, pressed by the X server's own events."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli import daemon

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a tray of X11")
DEADLINE_S = 60.0
PICTURES = os.environ.get("CRYPTOBOT_TEST_PICTURES", "")
"""A folder that gets a picture of the last look at the screen."""


class Desk:
    """The screen as the X server has it, on a connection of its own."""

    def __init__(self, name: str) -> None:
        from Xlib import display

        self.display = display.Display(name)
        self.root = self.display.screen().root

    def start_tray(self) -> None:
        """Let a program show icons, and wait until it does."""
        words = ["trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32"]
        self.tray = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + DEADLINE_S
        while not self.has_tray():
            assert self.tray.poll() is None and time.monotonic() < ends, "trayer did not start"
            time.sleep(0.05)

    def end_tray(self) -> None:
        """Kill it, as a panel that crashes."""
        self.tray.kill()
        self.tray.wait(30)

    def has_tray(self) -> bool:
        """Whether somebody shows icons."""
        from Xlib import X

        owner = self.display.get_selection_owner(self.display.intern_atom("_NET_SYSTEM_TRAY_S0"))
        return bool(owner != X.NONE)

    def icon(self) -> tuple[int, int, int, int] | None:
        """Where the tray shows our icon: x, y, width and height on the screen; None when it does not."""
        from Xlib.error import XError

        for window in _all_windows(self.root):
            try:
                if window.get_wm_class() == ("cryptobot", "CryptoBot"):
                    shape, place = window.get_geometry(), window.translate_coords(self.root, 0, 0)
                    # The answer is where the root's corner lies, seen from the window.
                    return (-place.x, -place.y, shape.width, shape.height) if shape.width > 8 else None
            except XError:  # gone since it was named
                continue
        return None

    def press(self, x: int, y: int) -> None:
        """A click of the left button there."""
        from Xlib import X
        from Xlib.ext import xtest

        xtest.fake_input(self.display, X.MotionNotify, x=x, y=y)
        xtest.fake_input(self.display, X.ButtonPress, 1)
        xtest.fake_input(self.display, X.ButtonRelease, 1)
        self.display.sync()


def _all_windows(top: Any) -> Iterator[Any]:
    from Xlib.error import XError

    yield top
    try:
        children = top.query_tree().children
    except XError:  # gone since it was named
        return
    for child in children:
        yield from _all_windows(child)


@pytest.fixture
def desk(screen: str) -> Iterator[Desk]:
    """A screen with a tray."""
    pytest.importorskip("pystray", reason="pystray is not installed (extra tray)")
    pytest.importorskip("PIL", reason="screenshots need Pillow")
    if shutil.which("trayer") is None:
        pytest.skip("there is no tray to be had (Debian: trayer)")
    made = Desk(screen)
    made.start_tray()
    yield made
    made.end_tray()
    made.display.close()


def _colour_at(x: int, y: int) -> str:
    from PIL import ImageGrab

    seen = ImageGrab.grab(xdisplay=os.environ["DISPLAY"]).convert("RGB")
    if PICTURES:
        seen.save(Path(PICTURES) / f"tray-{x}-{y}.png")
    return "#{:02x}{:02x}{:02x}".format(*seen.getpixel((x, y)))


def _look(desk: Desk) -> str:
    """The colour of the icon's ground, beside the curve; "" while there is no icon."""
    place = desk.icon()
    return "" if place is None else _colour_at(place[0] + place[2] // 2, place[1] + 4)


def _labels(menu: Any) -> dict[str, str]:
    """What can be chosen of a menu, and whether it can be now."""
    return {
        str(menu.entrycget(number, "label")): str(menu.entrycget(number, "state"))
        for number in range(int(menu.index("end")) + 1)
    }


def test_the_icon_stands_in_the_tray_and_does_what_the_window_does(
    desk: Desk, home: Home, driver: Any
) -> None:
    """Grey while nothing runs; a press opens its menu; Start there starts, and the icon turns green."""
    window = driver.window
    assert window.tray.there

    def turned(colour: str) -> Callable[[], bool]:
        return lambda: bool(driver.window.root.tk.dooneevent(2) or True) and _look(desk) == colour

    driver.until("it has looked", lambda: window.presenter.picture.alive is not None)
    driver.until("the icon is grey", turned(window.colours.faint))

    window.root.withdraw()
    place = desk.icon()
    assert place is not None
    desk.press(place[0] + place[2] // 2, place[1] + place[3] // 2)
    driver.until("its menu is open", lambda: window.menu is not None and window.menu.winfo_ismapped())
    assert _labels(window.menu) == {
        "Show": "normal",
        "Start": "normal",
        "Stop": "disabled",
        "Open dashboard": "disabled",
        "Something is wrong": "normal",
        "Close": "normal",
    }
    driver.settle()
    _colour_at(0, 0)  # a picture of the open menu, where pictures are kept

    window.menu.invoke("Start")
    window.menu.unpost()
    driver.until("all is ready", lambda: window.presenter.picture.state == "on" and not window._busy)
    driver.until("the icon is green", turned(window.colours.good))
    assert window.root.state() == "withdrawn"

    window._show_menu()
    assert _labels(window.menu)["Stop"] == "normal"
    window.menu.invoke("Show")
    driver.until("the window is back", lambda: window.root.state() == "normal")
    window.menu.invoke("Stop")
    driver.until("it has stopped", lambda: window.presenter.picture.state == "off" and not window._busy)
    assert not daemon.is_running(home)
    window.tray.end()
    driver.until("the icon is gone", lambda: desk.icon() is None)


def test_a_tray_that_crashes_gets_the_icon_again(desk: Desk, home: Home, driver: Any) -> None:
    """The icon goes with its tray, without a trace on the screen, and stands in the next one."""
    assert driver.window.tray.there
    driver.until("the icon is there", lambda: desk.icon() is not None)
    desk.end_tray()
    driver.until("the icon is gone", lambda: desk.icon() is None)
    desk.start_tray()
    driver.until("the icon is there again", lambda: desk.icon() is not None)
