"""Finds the pages: each module of this folder with a `PAGE`, and the entry points `cryptobot.pages`."""

import importlib
import pkgutil
from collections.abc import Callable
from importlib.metadata import entry_points

from flask import Flask, render_template

from ...configs.errors import StartError
from ..access import PAGES, requires
from .page import Page

GROUP = "cryptobot.pages"
# The headings of the menu, in their order; those that add-ons bring stand below.
MENU = ("Trading", "Research", "Platform", "Administration")


def found() -> list[Page]:
    """All pages, in the order of the menu.

    Raises:
        StartError: two pages share a name or an address, or an add-on's page is not a Page.
    """
    pages: list[Page] = []
    folder = importlib.import_module(__package__ or "")
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda item: item.name):
        page = getattr(importlib.import_module(f"{folder.__name__}.{module.name}"), "PAGE", None)
        if page is not None:
            pages.append(page)
    pages.extend(_added())
    for attribute in ("name", "path"):
        values = [getattr(page, attribute) for page in pages]
        doubled = sorted({value for value in values if values.count(value) > 1})
        if doubled:
            raise StartError(
                f"Two pages of the dashboard have the {attribute} {doubled[0]!r}; remove one add-on."
            )
    return sorted(pages, key=_place)


def _place(page: Page) -> tuple[int, str, int, str]:
    known = MENU.index(page.group) if page.group in MENU else len(MENU)
    return known, page.group, page.order, page.title


def _added() -> list[Page]:
    pages: list[Page] = []
    for entry in entry_points(group=GROUP):
        page = entry.load()
        if not isinstance(page, Page):
            raise StartError(f"The add-on page {entry.name!r} ({entry.value}) is not a cryptobot Page.")
        pages.append(page)
    return pages


def install(app: Flask) -> list[Page]:
    """Give every page its route; return them."""
    pages = app.extensions[PAGES] = found()
    for page in pages:
        app.add_url_rule(page.path, f"page_{page.name}", _view(page))
    return pages


def _view(page: Page) -> Callable[[], str]:
    @requires(page.permission)
    def view() -> str:
        return render_template(f"pages/{page.name}.html", page=page)

    return view
