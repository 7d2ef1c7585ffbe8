"""The packaging scripts of build/, which are no package: imported by their folder."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "build" / "packages"


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """Each script as a module; afterwards their short names are nobody's again."""
    before = set(sys.modules)
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield {path.stem: import_module(path.stem) for path in SCRIPTS.glob("*.py")}
    finally:
        sys.path.remove(str(SCRIPTS))
        for name in {path.stem for path in SCRIPTS.glob("*.py")} - before:
            sys.modules.pop(name, None)
