"""How soon the first page is usable, and what it weighs: a cold cache, a session that is there.

    python tests/browser/bench_first_page.py --home DIR [--times 5]

Usable is: the live stream has answered, the price chart is drawn, the figures and tables are filled. The
clock is the browser's own and begins with the navigation; `login_ms` is from the click on "Log in" to that.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("CRYPTOBOT_CHROMIUM", "/usr/bin/chromium")
USABLE = """() => {
    const there = (selector) => document.querySelector(selector);
    const wanted = ["cb-link-pill .good", "cb-price-chart canvas", "cb-fills tbody tr", "cb-balances li"];
    const ready = [...wanted, "cb-service-strip a"].every(there);
    if (ready && /\\d/.test(there("cb-figures dd").textContent)) window.usable_ ??= performance.now();
    return window.usable_;
}"""
WEIGHT = """[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
    .reduce((sum, one) => sum + one.transferSize, 0)"""


def open_new(browser: Any, url: str, password: str) -> dict[str, float]:
    """Log in with a fresh profile, then open the overview with an empty cache."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1366, "height": 900})
    page: Page = context.new_page()
    page.goto(url + "login")
    page.fill("#password", password)
    began = page.evaluate("Date.now()")
    page.click("button[type=submit]")
    page.wait_for_function(USABLE, polling="raf")
    login_ms = page.evaluate("performance.timeOrigin + window.usable_") - began
    cookies = context.cookies()
    context.close()
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1366, "height": 900})
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(url)
    page.wait_for_function(USABLE, polling="raf")
    told = {
        "usable_ms": page.evaluate("window.usable_"),
        "login_ms": login_ms,
        "kb": page.evaluate(WEIGHT) / 1000,
    }
    context.close()
    return told


def main() -> None:
    """Print one JSON line: medians, and the worst time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    url = json.loads((options.home / "run" / "dashboard.json").read_bytes())["url"]
    password = (options.home / "keys" / "initial-password").read_text().strip()
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        seen = [open_new(browser, url, password) for _ in range(options.times)]
        browser.close()
    told = {key: round(statistics.median(one[key] for one in seen), 1) for key in seen[0]}
    told["usable_max_ms"] = round(max(one["usable_ms"] for one in seen), 1)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
