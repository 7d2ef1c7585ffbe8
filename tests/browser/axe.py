"""What axe finds on a page, in both themes."""

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

# axe-core 4.14.1 (MPL-2.0), unchanged, with its licence beside it.
AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text(encoding="utf-8")
PHONE = {"width": 390, "height": 844}


def faults(page: Any) -> list[str]:
    """What axe finds, whatever its weight; it has to have looked at something."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert len(found["passes"]) > 10, "axe did not look at the page"
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def assert_sound(page: Any) -> None:
    """Axe finds nothing in light and in dark, and nothing sticks out on a phone."""
    size = page.viewport_size
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert faults(page) == [], theme
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.set_viewport_size(size)
