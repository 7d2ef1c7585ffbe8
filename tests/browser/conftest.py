"""A real Chromium in front of a real dashboard; Playwright's own console and policy messages are kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

CHROMIUM = os.environ.get("CRYPTOBOT_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Patience for a machine that does many things at a time.
expect.set_options(timeout=30_000)
COMMAND_S = 120
# axe-core 4.14.1 (MPL-2.0), unchanged, with its licence beside it.
AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
PHONE: ViewportSize = {"width": 390, "height": 844}
SCRIPT = Path(__file__).parent / "fake_platform.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive a browser; where there is none they are skipped with the reason."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason=f"there is no Chromium at {CHROMIUM}"))


class Platform:
    """The platform to look at, as a process that takes commands."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._answer()
        self.url, self.user, self.password = told["url"], told["user"], told["password"]

    def command(self, word: str) -> None:
        """Send one command and wait until it is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        assert self._answer() == {"done": word}

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the platform ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it with its processes."""
        self._process.communicate("quit\n", timeout=30)


class Home:
    """A real platform in a home of its own: its processes, its command line, its address and first password.

    Args:
        folder: the home, made by the command.
        words: how it is started; `dashboard.port=0` is added.
        without: services that are left out.
    """

    def __init__(self, folder: Path, *words: str, without: tuple[str, ...] = ()) -> None:
        self.home = folder
        left_out = [word for name in without for word in ("--set", f"services.{name}.enabled=false")]
        self.run(*words, "-d", "--set", "dashboard.port=0", *left_out)
        self.url = str(json.loads((folder / "run" / "dashboard.json").read_bytes())["url"])
        self.password = (folder / "keys" / "initial-password").read_text().strip()

    def run(self, *words: str) -> str:
        """Run one command of this home; what it printed."""
        command = [sys.executable, "-m", "cryptobot", "--home", str(self.home), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pid(self, name: str) -> int:
        """The process of a service now."""
        services = json.loads(self.run("status", "--json"))["services"]
        return next(int(service["pid"]) for service in services if service["name"] == name)

    def close(self) -> None:
        """Bring everything down."""
        self.run("down")


@pytest.fixture(scope="session")
def real_home() -> type[Home]:
    """Makes real platforms: `real_home(folder, "demo")`."""
    return Home


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the tests of a module."""
    made = Platform(tmp_path_factory.mktemp("platform") / "home")
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


class Visitor:
    """A page of a fresh browser profile, and what it complained of."""

    def __init__(self, browser: Browser, platform: Platform) -> None:
        self.platform = platform
        self.context = browser.new_context(ignore_https_errors=True, viewport={"width": 1366, "height": 900})
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, path: str) -> Page:
        """Go to a page of the dashboard."""
        self.page.goto(self.platform.url.rstrip("/") + path)
        return self.page

    def log_in(self, user: str = "admin", password: str = "") -> Page:
        """Log in by the form; the overview."""
        self.open("/login")
        self.page.get_by_label("User").fill(user)
        self.page.get_by_label("Password").fill(password or self.platform.password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Overview")
        return self.page


@pytest.fixture
def visitor(browser: Browser, platform: Platform) -> Iterator[Visitor]:
    """A visitor; at the end of the test nothing may have been complained of but what the test expects."""
    made = Visitor(browser, platform)
    yield made
    made.context.close()
    unexpected = [text for text in made.complaints if not any(word in text for word in made.expected)]
    assert unexpected == []


def faults(page: Page) -> list[str]:
    """What axe finds, whatever its weight; it has to have looked at something."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10, "axe did not look at the page"
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def _assert_sound(page: Page) -> None:
    size = page.viewport_size
    assert size is not None
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert faults(page) == [], theme
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.set_viewport_size(size)


@pytest.fixture(scope="session")
def assert_sound() -> Callable[[Page], None]:
    """Axe finds nothing in light and in dark, and nothing sticks out on a phone."""
    return _assert_sound
