"""`cryptobot doctor` as a person runs it after a crash: told, mended, and said what was done."""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plants faults with POSIX means")


@pytest.fixture
def crashed(home: Path) -> Path:
    """A key that others can read, damaged settings in force, a socket that nobody listens on."""
    for folder in (home / "keys", home / "run" / "sockets", home / "state"):
        folder.mkdir(parents=True, mode=0o700)
    (home / "run").chmod(0o700)
    key = home / "keys" / "dashboard.key"
    key.write_text("secret")
    key.chmod(0o644)
    (home / "run" / "settings.json").write_text("{")
    here = Path.cwd()
    os.chdir(home / "run" / "sockets")  # the path may be too long for a socket's address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
            left.bind("data.sock")
    finally:
        os.chdir(here)
    return home


def _checks(ran: Any) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in json.loads(ran.out)["checks"]}


def test_faults_are_told_and_mended(cryptobot: Callable[..., Any], crashed: Path) -> None:
    """Exit code 1 while there are faults, 0 when they are mended; what was done is said once."""
    before = cryptobot("doctor", "--json")
    found = _checks(before)
    assert before.code == 1
    assert (found["permissions"]["verdict"], found["settings in force"]["verdict"]) == ("fault", "fault")
    assert found["permissions"]["mended"] == ""
    mended = cryptobot("doctor", "--fix")
    assert mended.code == 0, mended.out
    assert "mended: closed keys/dashboard.key" in mended.out
    assert "mended: wrote run/settings.json anew" in mended.out
    assert (crashed / "keys" / "dashboard.key").stat().st_mode & 0o777 == 0o600
    after = cryptobot("doctor", "--json")
    assert (after.code, json.loads(after.out)["ok"]) == (0, True)


def test_a_finding_says_what_why_and_what_to_do(cryptobot: Callable[..., Any], crashed: Path) -> None:
    """For people below the table."""
    shown = cryptobot("doctor").out
    assert "permissions: Others may get at keys/dashboard.key (readable)" in shown
    assert "  why: Whoever reads the keys can sign in" in shown
    assert "  what to do: `cryptobot doctor --fix` closes them." in shown
