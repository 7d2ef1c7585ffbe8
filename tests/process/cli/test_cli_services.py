"""Services that are added and removed from the command line, and plans, with no daemon in sight."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _manifest(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text('name: mine\ncommand: [/bin/sleep, "1000"]\n', encoding="ascii")
    return path


def test_a_service_is_added_planned_for_and_removed(cryptobot: Callable[..., Any], tmp_path: Path) -> None:
    """Its file is kept for the next start; a plan alone writes nothing."""
    path = str(_manifest(tmp_path))
    assert cryptobot("service", "add", path, "--plan").code == 0
    assert "mine" not in cryptobot("up", "--plan").out
    assert cryptobot("service", "add", path).code == 0
    steps = json.loads(cryptobot("up", "--plan", "--json").out)
    assert {"service": "mine", "action": "start", "why": "starts with the platform"} in steps
    again = cryptobot("service", "add", path)
    assert (again.code, again.out) == (2, "")
    assert "`cryptobot service remove mine`" in again.err
    assert cryptobot("service", "remove", "mine").code == 0
    assert cryptobot("service", "remove", "mine").code == 2


def test_what_is_no_manifest_is_refused(cryptobot: Callable[..., Any], tmp_path: Path) -> None:
    """A missing file, a list, an unknown key: exit code 2 and one sentence each."""
    for text, sentence in (
        ("- a", "holds no manifest"),
        ("name: x\ncomand: [a]", "unknown field"),
        ("name: supervisor\ncommand: [a]", "cannot be a service's name"),
        ("name: [", "line"),
    ):
        path = tmp_path / "odd.yaml"
        path.write_text(text, encoding="ascii")
        ran = cryptobot("service", "add", str(path))
        assert (ran.code, ran.out) == (2, "")
        assert sentence in ran.err
    assert "cannot be read" in cryptobot("service", "add", str(tmp_path / "nix.yaml")).err
