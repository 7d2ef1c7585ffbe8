"""Candles as far back as data keeps them: they come page by page while somebody scrolls back."""

from typing import Any

from playwright.sync_api import expect

# The fake market knows 30,000 candles from before it was played.
WANTED = 25_000
CHART = "document.querySelector('cb-price-chart')"
TO_THE_END = f"{CHART}.chart.timeScale().setVisibleLogicalRange({{ from: -5, to: 145 }})"
TIMES = f"{CHART}.candles.data().map((bar) => bar.time)"
# Older than anything that was played, so that no second is missing.
LONG_AGO = 20_000
PAGE_MS = 30_000


def test_scrolling_back_fetches_page_after_page(visitor: Any) -> None:
    """Tens of thousands of candles are drawn, each once and in order, and the newest goes on moving."""
    page = visitor.log_in()
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/api/v1/candles" in request.url else None
    )
    visitor.open("/markets")
    expect(page.locator("cb-price-chart canvas").first).to_be_visible()
    known = 0
    while known < WANTED:
        page.wait_for_function(
            f"(before) => ({CHART}.older ?? []).length > before", arg=known, timeout=PAGE_MS
        )
        known = page.evaluate(f"{CHART}.older.length")
        page.evaluate(TO_THE_END)

    times = page.evaluate(TIMES)
    assert len(times) >= WANTED
    assert times == sorted(set(times))
    assert times[:LONG_AGO] == list(range(times[0], times[0] + LONG_AGO))
    assert len(asked) == len(set(asked)) >= WANTED // 5000
    newest = times[-1]
    page.wait_for_function(f"(before) => {TIMES}.at(-1) > before", arg=newest, timeout=PAGE_MS)


def test_dragging_the_chart_to_its_end_fetches_older_candles(visitor: Any) -> None:
    """The mouse alone is enough: what is drawn grows to the left, and what was looked at stays in view."""
    page = visitor.log_in()
    visitor.open("/markets")
    page.wait_for_function(f"() => ({CHART}?.older ?? []).length > 0", timeout=PAGE_MS)
    box = page.locator("cb-price-chart canvas").first.bounding_box()
    page.evaluate(f"{CHART}.chart.timeScale().setVisibleLogicalRange({{ from: 340, to: 460 }})")
    before = page.evaluate(f"{CHART}.older.length")
    seen = page.evaluate(f"{CHART}.chart.timeScale().getVisibleRange().from")

    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.down()
    for step in range(1, 12):
        page.mouse.move(box["x"] + 100 + 60 * step, box["y"] + 150)
    page.mouse.up()

    page.wait_for_function(f"(before) => {CHART}.older.length > before", arg=before, timeout=PAGE_MS)
    now = page.evaluate(f"{CHART}.chart.timeScale().getVisibleRange()")
    assert now["from"] < seen < now["to"] + 400
