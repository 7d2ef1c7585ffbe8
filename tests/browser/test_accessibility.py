"""axe finds nothing serious on any page, in either theme."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

# axe-core 4.14.1 (MPL-2.0), unchanged, with its licence beside it.
AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text(encoding="utf-8")
PAGES = [
    "/",
    "/markets",
    "/strategies",
    "/orders",
    "/fills",
    "/portfolio",
    "/services",
    "/bus",
    "/logs",
    "/audit",
    "/settings",
    "/users",
    "/account",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/login", *PAGES])
def test_axe_finds_no_serious_fault(visitor: Any, path: str, theme: str) -> None:
    """Contrast, names, roles and order of everything that is on the page."""
    page = visitor.page
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    if path != "/login":
        visitor.log_in()
    visitor.open(path)
    if path not in ("/login", "/account"):
        expect(page.locator("cb-link-pill")).to_have_text("Live")
        expect(page.locator("main .skeleton")).to_have_count(0)
    page.evaluate(AXE)

    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]

    serious = [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == []
