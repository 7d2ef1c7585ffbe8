"""What the launcher makes of events, remembers of a person, and says where there is no screen."""

import sys
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.errors import UsageError
from cryptobot.configs.paths import Home
from cryptobot.supervisor.cli.main import run
from cryptobot.supervisor.launcher.homes import Memory
from cryptobot.supervisor.launcher.picture import Picture
from cryptobot.supervisor.launcher.screen import why_no_window
from cryptobot.supervisor.launcher.single import Claim


def _service(name: str, state: str, *, ready: bool = False, reason: str = "") -> dict[str, Any]:
    return {"name": name, "title": name.title(), "state": state, "ready": ready, "reason": reason}


def _snapshot(*services: dict[str, Any]) -> Picture:
    return Picture("/home").after({"kind": "snapshot", "services": list(services), "alerts": []})


@pytest.mark.parametrize(
    ("services", "state", "detail"),
    [
        (
            [_service("bus", "RUNNING", ready=True), _service("risk", "STOPPED")],
            "on",
            "1 of 1 services are ready.",
        ),
        (
            [_service("bus", "RUNNING", ready=True), _service("data", "STARTING")],
            "starting",
            "1 of 2 services",
        ),
        (
            [_service("bus", "RUNNING", ready=True), _service("data", "FATAL", reason="no key")],
            "trouble",
            "no key",
        ),
        ([_service("bus", "STOPPING"), _service("data", "STOPPED")], "stopping", ""),
        ([_service("bus", "STOPPED")], "off", "Nothing trades."),
    ],
)
def test_services_make_one_state(services: list[dict[str, Any]], state: str, detail: str) -> None:
    """All states together are one word and one sentence."""
    picture = _snapshot(*services)

    assert picture.state == state
    assert detail in picture.detail


def test_events_change_the_picture() -> None:
    """A change of a state, an alert and its end, the end of the supervisor."""
    picture = _snapshot(_service("bus", "STARTING"))
    picture = picture.after({"kind": "state", **_service("bus", "RUNNING", ready=True)})
    assert (picture.state, picture.can_start, picture.can_stop) == ("on", False, True)

    raised = {"kind": "alert", "key": "a", "title": "Disk is full", "recovered": False}
    assert "Open alerts: 1." in picture.after(raised).detail
    assert picture.after(raised).after({**raised, "recovered": True}).alerts == {}

    gone = picture.after({"kind": "gone", "orphans": []})
    assert (gone.state, gone.rows, gone.can_start, gone.can_stop) == ("off", {}, True, False)
    left = picture.after({"kind": "gone", "orphans": ["bus"]})
    assert (left.state, left.detail) == ("left", "bus go on. Start takes them over.")


def test_homes_and_theme_are_remembered(tmp_path: Path) -> None:
    """Newest first, without those that are gone; a damaged file is an empty one."""
    file = tmp_path / "launcher.json"
    homes = [Home(tmp_path / name) for name in ("a", "b")]
    for home in homes:
        home.root.mkdir()
        Memory(file).opened(home)
    Memory(file).choose_theme("dark")
    Memory(file).opened(Home(tmp_path / "gone"))

    assert Memory(file).homes(homes[0]) == [homes[0].root, homes[1].root]
    assert Memory(file).theme == "dark"
    file.write_text("{")
    assert (Memory(file).theme, Memory(file).homes(homes[0])) == ("system", [homes[0].root])


def test_without_a_screen_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the menu of text and the dashboard; the exit code is 1."""
    assert why_no_window({"DISPLAY": ":0"}, "linux") == "" or "tkinter" in why_no_window(
        {"DISPLAY": ":0"}, "linux"
    )
    if sys.platform in ("win32", "darwin"):
        pytest.skip("these systems always have a screen")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    assert run(["--home", str(tmp_path), "launcher"]) == 1
    told = capsys.readouterr().err.strip()
    assert "cryptobot launcher --text" in told
    assert "\n" not in told


def test_a_second_window_of_a_home_is_refused(tmp_path: Path) -> None:
    """With a sentence; another home has a window of its own, and a closed one leaves its place."""
    first = Claim(Home(tmp_path / "a"))
    Claim(Home(tmp_path / "b")).release()
    with pytest.raises(UsageError, match="is open already"):
        Claim(Home(tmp_path / "a"))
    first.release()
    Claim(Home(tmp_path / "a")).release()
