"""The page of updates in front of a real service, a signed repository and a folder of versions."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cryptobot
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
RELEASE = Path(__file__).parents[2] / "build" / "release" / "release.py"
LEFT_OUT = ("paper", "data", "trade", "strategy", "monitor")
VARIABLE = "CRYPTOBOT_PROGRAM_FOLDER"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def release(*words: str) -> None:
    """As `make release` does."""
    environment = {**os.environ, "CRYPTOBOT_RELEASE_PASSPHRASE": "test"}
    subprocess.run([sys.executable, str(RELEASE), *words], check=True, env=environment)


def program(folder: Path, version: str) -> str:
    """A program that says its version and nothing else."""
    folder.mkdir()
    (folder / "cryptobot").write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo cryptobot {version}\n')
    (folder / "cryptobot").chmod(0o755)
    return str(folder)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, real_home: Any) -> Iterator[Any]:
    """Bus, auth, update and dashboard, from a folder of versions with a newer one on a loopback server."""
    top = tmp_path_factory.mktemp("updates")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(top / "repository")))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    repository, keys = str(top / "repository"), ("--keys", str(top / "keys"))
    release("begin", repository, *keys)
    release("publish", repository, program(top / "new", "99.0.0"), *keys, "--notes", "Everything is better.")
    address = ("--address", f"http://127.0.0.1:{server.server_port}/")
    old = program(top / "old", cryptobot.__version__)
    release("layout", repository, old, str(top / "program"), *address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(top / "program"))
        made = real_home(top / "home", "up", "--set", "services.update.enabled=true", without=LEFT_OUT)
        yield made
        made.close()
    server.shutdown()
    server.server_close()


def test_a_newer_version_is_found_and_fetched_and_asks_before_it_is_used(
    visitor: Any, assert_sound: Any
) -> None:
    """What is sent is said, the button for the next step appears by itself, and switching asks first."""
    visitor.expected = ("403", "404", "503", "favicon")
    page = visitor.log_in()
    visitor.open("/updates")
    element = page.locator("cb-updates")
    expect(element.get_by_text("not known yet")).to_be_visible()
    expect(element.get_by_text("Nobody is asked unless you press the button")).to_be_visible()

    element.get_by_role("button", name="Look for updates").click()
    expect(element.get_by_text("Everything is better.")).to_be_visible(timeout=60_000)
    element.get_by_role("button", name="Download 99.0.0").click()
    switch = element.get_by_role("button", name="Switch to 99.0.0")
    expect(switch).to_be_visible(timeout=60_000)
    assert_sound(page)
    picture = os.environ.get("CRYPTOBOT_PICTURES")
    if picture:
        page.screenshot(path=f"{picture}/updates.png", full_page=True)

    switch.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Do not wait for positions")).to_be_visible()
    dialog.get_by_role("button", name="Switch").click()
    expect(page.get_by_text("Version 99.0.0 is being tried.")).to_be_visible(timeout=60_000)
