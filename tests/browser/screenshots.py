"""Screenshots of every page in both themes, and of a phone, from a running dashboard.

    python tests/browser/screenshots.py --home DIR [--out docs/images] [--wait 20]
    python tests/browser/screenshots.py --demo

With --demo it starts a demo with all add-ons, waits for its first fills, and ends it. Else it reads the
address from run/dashboard.json and the password from keys/initial-password of the home, or takes them
from --url, --user and --password. It fails when a page logs an error or breaks its own content security
policy.
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = os.environ.get("CRYPTOBOT_CHROMIUM", "/usr/bin/chromium")
ADD_ONS = ("risk", "portfolio", "backtest", "analytics", "notify", "update")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE_PAGES = ("overview", "markets", "strategies", "services", "settings")
# Pages with charts and counts that want a moment.
SLOW_PAGES = ("overview", "markets", "services", "bus", "portfolio", "logs")
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
# A swinging price loses and wins: the pictures shall not all say that trading is halted.
CALM = ("risk.max_daily_drawdown_percent=60", "risk.max_total_drawdown_percent=80")
HOURS = 4000
RUNS = ({}, {"fast": "10", "slow": "30"}, {"fast": "20", "slow": "60"})
START = """async (wishes) => {
    const token = document.querySelector('meta[name="csrf-token"]').content;
    const headers = { "X-CSRF-Token": token, "Content-Type": "application/json" };
    for (const wish of wishes) {
        await fetch("/api/v1/backtests", { method: "POST", headers, body: JSON.stringify(wish) });
    }
}"""
# All pictures together stay at about 2.5 MB.
COLOURS = 64


def photograph(
    browser: Browser, options: argparse.Namespace, theme: str, size: dict[str, int], suffix: str
) -> list[str]:
    """Log in and take every page; what the pages complained of."""
    context = browser.new_context(
        ignore_https_errors=True,
        viewport=size,
        color_scheme=theme,
        device_scale_factor=options.scale,
    )
    page, complaints = context.new_page(), []
    page.on("console", lambda message: _note(complaints, message))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(options.url + "login")
    page.screenshot(path=options.out / f"login-{suffix}.png")
    page.fill("#user", options.user)
    page.fill("#password", options.password)
    page.click("button[type=submit]")
    page.locator("cb-link-pill .pill.good").wait_for(timeout=20_000)
    if options.demo and (theme, size) == ("light", DESKTOP):
        _start_backtests(page, options.home)
    for name, path in _pages(page).items():
        wanted = not options.only or name in options.only
        if wanted and (size is DESKTOP or name in PHONE_PAGES):
            _take(page, options, name, path, suffix)
    context.close()
    return [f"{suffix}: {text}" for text in complaints]


def _start_backtests(page: Page, folder: Path) -> None:
    """A few backtests over waves, so that their page has something to compare."""
    rows = ["timestamp,open,high,low,close,volume"]
    for index in range(HOURS):
        price = 4000 + 600 * math.sin(index / 170) + 120 * math.sin(index / 23)
        values = [f"{value:.2f}" for value in (price, price + 9, price - 9, price + 2, 10)]
        rows.append(",".join([str((472_222 + index) * 3_600_000), *values]))
    (folder / "waves.csv").write_text("\n".join(rows) + "\n")
    common = {"strategy": "ema-cross", "data": str(folder / "waves.csv"), "grid": []}
    wishes = [{"kind": "run", "parameters": run, **common} for run in RUNS]
    page.evaluate(START, [*wishes, {"kind": "trust", "parameters": {}, **common}])


def _compare(page: Page) -> None:
    """Their curves beside each other."""
    boxes = page.locator("cb-backtests tbody input[type=checkbox]:enabled")
    for number in range(boxes.count()):
        boxes.nth(number).check()


def _pages(page: Page) -> dict[str, str]:
    """The pages of the menu, so that those of add-ons are taken as well, and one's own account."""
    links = page.locator(".sidebar .menu:not(.only-phone) a")
    paths = [str(path) for path in links.evaluate_all("all => all.map((one) => one.getAttribute('href'))")]
    return {path.strip("/").replace("/", "-") or "overview": path for path in [*paths, "/account"]}


def _take(page: Page, options: argparse.Namespace, name: str, path: str, suffix: str) -> None:
    page.goto(options.url.rstrip("/") + path)
    if name != "account":
        page.locator("cb-link-pill .pill.good").wait_for(timeout=20_000)
    page.wait_for_timeout(options.wait * 1000 if name in SLOW_PAGES else 700)
    if name == "backtests":
        _compare(page)
        page.wait_for_timeout(700)
    page.screenshot(path=options.out / f"{name}-{suffix}.png", full_page=options.full)


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        complaints.append(message.text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--demo", action="store_true", help="start a demo of its own")
    parser.add_argument("--patience", type=float, default=40.0, help="seconds that such a demo trades first")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--wait", type=float, default=3.0, help="seconds on the pages with charts")
    parser.add_argument("--full", action="store_true", help="the whole page, not only what fits")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels of the picture for one of the page")
    parser.add_argument("--only", nargs="*", help="these pages alone")
    parser.add_argument("--url")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password")
    return parser.parse_args()


def _reach(options: argparse.Namespace) -> None:
    """Where it is, and how to get in."""
    if options.url is None:
        options.url = json.loads((options.home / "run" / "dashboard.json").read_bytes())["url"]
    if options.password is None:
        options.password = (options.home / "keys" / "initial-password").read_text().strip()
    options.out.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _demo(patience_s: float) -> Iterator[Path]:
    """A demo with every add-on that needs no network, which has traded for a while."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        settings = [*(f"services.{name}.enabled=true" for name in ADD_ONS), *CALM]
        words = [word for setting in settings for word in ("--set", setting)]
        command = [sys.executable, "-m", "cryptobot", "--home", str(home)]
        subprocess.run([*command, "demo", "-d", "--set", "dashboard.port=0", *words], check=True)
        try:
            time.sleep(patience_s)
            yield home
        finally:
            subprocess.run([*command, "down"], check=False)


def main() -> int:
    """Take all pictures; 1 when a page complained."""
    options = _options()
    if not options.demo:
        return _take_all(options)
    with _demo(options.patience) as home:
        options.home = home
        return _take_all(options)


def _reduce(folder: Path) -> None:
    """Fewer colours: a third of the bytes, and nobody sees it."""
    try:
        from PIL import Image
    except ImportError:
        print("Pillow is not installed: the pictures keep all their colours.", file=sys.stderr)
        return
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode == "P":
                continue
            few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def _take_all(options: argparse.Namespace) -> int:
    _reach(options)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for theme in ("light", "dark"):
            complaints += photograph(browser, options, theme, DESKTOP, theme)
            complaints += photograph(browser, options, theme, PHONE, f"phone-{theme}")
        browser.close()
    _reduce(options.out)
    shown = options.out / "overview-dark.png"
    if shown.exists():
        shutil.copyfile(shown, options.out / "dashboard.png")
    for text in complaints:
        print(text, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
