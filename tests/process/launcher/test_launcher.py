"""The launcher's two faces do the same to a real platform: the menu of text, and the window under Xvfb."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.errors import CryptoBotError, UsageError
from cryptobot.configs.files import replace
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli import daemon
from cryptobot.supervisor.launcher.presenter import Presenter
from cryptobot.supervisor.launcher.text import TextLauncher

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes and signals of POSIX")
DEADLINE_S = 60.0


def _text(home: Home, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cryptobot", "--home", str(home.root), "launcher", "--text", *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def test_the_menu_reads_its_choices_from_a_pipe(home: Home) -> None:
    """Numbers and words, one a line; what fails is told in a sentence, the rest goes on, the code is 1."""
    done = _text(home, stdin="1\n2\nstatus\nstart\n5 bus\nnonsense\n3\nq\nstatus\n")

    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"CryptoBot in {home.root}: Stopped"
    assert f"CryptoBot runs in {home.root}. It goes on when the launcher is closed." in lines
    assert f"CryptoBot in {home.root}: Running" in lines
    assert any("already runs" in line for line in lines)
    assert any(line.startswith("There is no action 'nonsense'") for line in lines)
    assert lines[-1] == "CryptoBot has stopped. Orders that rest at the venue stay there."
    assert not daemon.is_running(home)


def test_single_actions_print_json(home: Home) -> None:
    """--do carries out one after the other; --json prints what the last one found, on stdout alone."""
    done = _text(home, "--do", "presets", "--do", "status", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["home"], told["state"], told["services"]) == (str(home.root), "off", [])
    refused = _text(home, "--do", "stop")
    assert refused.returncode == 3
    assert "does not run" in refused.stderr


def test_the_presenter_follows_a_real_platform(home: Home) -> None:
    """Events, not questions, tell of a start, a supervisor that is killed, the takeover, and the end."""
    presenter = Presenter(home, browse=lambda _url: True)
    try:
        presenter.start()
        assert presenter.wait_for(lambda picture: picture.state == "on", DEADLINE_S)
        with pytest.raises(UsageError, match="already runs"):
            presenter.start()
        with pytest.raises(CryptoBotError, match="dashboard is not up"):
            presenter.open_dashboard()
        replace(home.run / "dashboard.json", b'{"url": "https://localhost:1/", "port": 1}')
        assert presenter.open_dashboard().startswith("The dashboard opens at https://localhost:1/")

        before = presenter.picture.rows["bus"]
        os.kill(daemon.status(home)["supervisor"]["pid"], signal.SIGKILL)
        assert presenter.wait_for(lambda picture: picture.state == "left", DEADLINE_S)
        assert presenter.picture.orphans == ("bus",)
        presenter.start()
        assert presenter.wait_for(lambda picture: picture.state == "on", DEADLINE_S)
        assert presenter.picture.rows["bus"].state == before.state

        presenter.stop()
        assert presenter.wait_for(lambda picture: picture.state == "off", DEADLINE_S)
    finally:
        presenter.close()


def test_presets_change_the_settings_of_either_face(home: Home) -> None:
    """A profile beneath the own settings, a template in their place; an unknown one names those there are."""
    presenter = Presenter(home)
    launcher = TextLauncher(presenter, io.StringIO())
    try:
        launcher.act("preset minimal")
        assert load(home).settings.profile == "minimal"
        chosen = [preset.name for preset in presenter.presets() if preset.chosen]
        assert chosen == ["minimal"]
        launcher.act("preset research-only")
        assert load(home).settings.strategy.instances == {}
        assert "research-only" in [preset.name for preset in presenter.presets() if preset.chosen]
        with pytest.raises(UsageError, match="no preset nonsense; there are paper, dev"):
            launcher.act("preset nonsense")
    finally:
        presenter.close()


def test_the_window_starts_shows_and_stops(home: Home, driver: Any) -> None:
    """Start, services as they change, logs, the doctor's findings, stop: by pressing what people press."""
    window = driver.window
    driver.until("it has looked", lambda: window.presenter.picture.alive is not None)
    driver.until("it is painted", lambda: window.headline.cget("text") == "Stopped")
    assert window.stop.instate(["disabled"])

    window.start.invoke()
    driver.until("all is ready", lambda: window.headline.cget("text") == "Running" and not window._busy)
    assert window.services.table.set("bus", "state") == "running"
    assert "goes on when the launcher is closed" in window.message.cget("text")
    assert window.start.instate(["disabled"])

    window.tabs.select(window.logs.frame)
    driver.until("the log is shown", lambda: "started" in window.logs.text.get("1.0", "end"))
    window.wrong.invoke()
    driver.until("the doctor is through", lambda: "looked at" in window.doctor.text.get("1.0", "end"))

    driver.until("it is free", lambda: not window._busy)
    window.stop.invoke()
    driver.until("it has stopped", lambda: window.headline.cget("text") == "Stopped" and not window._busy)
    assert not daemon.is_running(home)


def test_closing_the_window_leaves_the_bot_running_and_says_so(home: Home, driver: Any) -> None:
    """The question says that it goes on; staying stays, closing closes, and the platform is still there."""
    window = driver.window
    driver.until("it may be started", lambda: window.start.instate(["!disabled"]))
    window.start.invoke()
    driver.until("all is ready", lambda: window.presenter.picture.state == "on" and not window._busy)

    window.ask_to_close()
    driver.settle()
    assert "The bot goes on running" in _texts(window.closing)
    _buttons(window.closing)["Cancel"].invoke()
    assert window.closing is None
    window.ask_to_close()
    _buttons(window.closing)["Close the window"].invoke()

    assert window._ended
    assert daemon.is_running(home)


def test_a_template_is_asked_for_twice(home: Home, driver: Any) -> None:
    """It replaces all settings: the first press says so, the second does it; a profile needs one."""
    window = driver.window
    driver.until("it has looked", lambda: window.presenter.picture.alive is not None)
    window.tabs.select(window.presets.frame)
    driver.until("they are listed", lambda: bool(window.presets.table.get_children()))
    window.presets.table.selection_set("research-only")
    driver.settle()
    window.presets.take.invoke()
    driver.settle()
    assert "replaces all your settings" in window.presets.note.cget("text")
    assert load(home).settings.strategy.instances

    window.presets.take.invoke()
    driver.until("it is chosen", lambda: "research-only is chosen" in window.message.cget("text"))
    assert load(home).settings.strategy.instances == {}


def test_another_home_and_another_look_can_be_chosen(home: Home, driver: Any, tmp_path: Path) -> None:
    """The window turns to another home, and from light to dark; a pixel of each says so."""
    pytest.importorskip("PIL", reason="screenshots need Pillow")
    from cryptobot.supervisor.launcher.theme import DARK, LIGHT

    window = driver.window
    driver.until("it is drawn", lambda: bool(window.root.winfo_viewable()))
    assert _corner(window, driver) == LIGHT.ground
    window.choose_theme("dark")
    assert _corner(window, driver) == DARK.ground

    other = Home(tmp_path / "other")
    other.root.mkdir()
    window.choose_home(other)
    driver.until("it has looked", lambda: window.presenter.picture.alive is not None)
    assert window.presenter.picture.home == str(other.root)
    assert [str(other.root), str(home.root)] == list(window.homes.cget("values"))[:2]


def test_without_a_tray_there_is_a_line_in_the_log(home: Home, driver: Any) -> None:
    """Xvfb has no tray: the window works without it, and logs/launcher.log says why there is no icon."""
    pytest.importorskip("pystray", reason="pystray is not installed (extra tray)")
    from cryptobot.supervisor.launcher.sign import Look
    from cryptobot.supervisor.launcher.tray import Tray

    home.create()
    assert not driver.window.tray.there
    Tray(home, [], lambda: None, Look("#ffffff", "CryptoBot"))
    assert "no icon in the tray" in (home.logs / "launcher.log").read_text()


def _corner(window: Any, driver: Any) -> str:
    """The colour of the window's ground, as the screen has it."""
    from PIL import ImageGrab

    driver.settle()
    seen = ImageGrab.grab(xdisplay=os.environ["DISPLAY"]).convert("RGB")
    return "#{:02x}{:02x}{:02x}".format(
        *seen.getpixel((window.root.winfo_rootx() + 4, window.root.winfo_rooty() + 4))
    )


def _children(widget: Any) -> list[Any]:
    found = list(widget.winfo_children())
    return [*found, *(child for one in found for child in _children(one))]


def _texts(widget: Any) -> list[str]:
    return [str(one.cget("text")) for one in _children(widget) if one.winfo_class() == "TLabel"]


def _buttons(widget: Any) -> dict[str, Any]:
    return {str(one.cget("text")): one for one in _children(widget) if one.winfo_class() == "TButton"}
