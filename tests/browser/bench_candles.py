"""How smooth a chart of many candles is: frames a second while somebody drags and zooms it.

    python tests/browser/bench_candles.py --home DIR [--candles 50000]

Draws that many candles with volume on the page of markets of a running platform and moves the mouse.
"""

import argparse
import itertools
import json
import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("CRYPTOBOT_CHROMIUM", "/usr/bin/chromium")
FILL = """(count) => {
    const chart = document.querySelector("cb-price-chart");
    const first = chart.oldest * 1000, step = 1000;
    let price = 4000;
    chart.older = Array.from({ length: count }, (_, index) => {
        const open = price;
        price += Math.sin(index / 300) + (index % 7) - 3;
        const [high, low] = [Math.max(open, price) + 2, Math.min(open, price) - 2];
        return [first - (count - index) * step, open, high, low, price, index % 50, true];
    });
    const began = performance.now();
    chart.drawn = null;
    chart.draw();
    return performance.now() - began;
}"""
WATCH = """() => {
    window.frames_ = [];
    const look = (at) => { window.frames_.push(at); window.watching = requestAnimationFrame(look); };
    requestAnimationFrame(look);
}"""
STOP = "() => { cancelAnimationFrame(window.watching); return window.frames_; }"


def measure(page: Page, candles: int) -> dict[str, float]:
    """Milliseconds to draw, and of frames while the chart is dragged and zoomed."""
    drawn_ms = page.evaluate(FILL, candles)
    box = page.locator("cb-price-chart canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(WATCH)
    page.mouse.move(x, y)
    for _ in range(30):
        page.mouse.wheel(0, 120)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(x + step * 6, y)
    page.mouse.up()
    frames = page.evaluate(STOP)
    gaps = sorted(late - early for early, late in itertools.pairwise(frames))
    return {
        "candles": candles,
        "draw_ms": round(drawn_ms, 1),
        "frames": len(gaps),
        "frame_p50_ms": round(gaps[len(gaps) // 2], 1),
        "frame_p95_ms": round(gaps[int(len(gaps) * 0.95)], 1),
        "frame_max_ms": round(gaps[-1], 1),
    }


def main() -> None:
    """Log in, open the markets, print one JSON line for each count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--candles", type=int, nargs="+", default=[1000, 20_000, 50_000])
    options = parser.parse_args()
    url = json.loads((options.home / "run" / "dashboard.json").read_bytes())["url"]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser: Any = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(ignore_https_errors=True, viewport={"width": 1440, "height": 1000})
        page.goto(url + "login")
        page.fill("#password", (options.home / "keys" / "initial-password").read_text().strip())
        page.click("button[type=submit]")
        page.locator("cb-link-pill .pill.good").wait_for()
        page.goto(url + "markets")
        page.locator("cb-price-chart canvas").first.wait_for()
        page.wait_for_timeout(1500)
        for count in options.candles:
            print(json.dumps(measure(page, count)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
