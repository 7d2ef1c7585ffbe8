"""What lies where, and that all of it is shipped."""

import importlib.metadata
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("bus", "configs", "dashboard", "services", "supervisor")


def installed() -> list[str]:
    """Files of the installed distribution's package, as paths below the package."""
    distribution = importlib.metadata.distribution("cryptobot")
    url = json.loads(distribution.read_text("direct_url.json") or "{}")
    if url.get("dir_info", {}).get("editable"):
        pytest.skip("cryptobot is installed editable; `make test` installs the wheel")
    names = [file.as_posix() for file in distribution.files or []]
    inside = [name.removeprefix("cryptobot/") for name in names if name.startswith("cryptobot/")]
    return sorted(name for name in inside if not name.endswith((".pyc", ".so", ".pyd")))


def test_the_wheel_holds_every_tracked_file(tracked: list[str]) -> None:
    """A new folder, template or data file cannot be forgotten."""
    missing = sorted({*tracked, "__init__.py", "__main__.py"} - set(installed()))

    assert missing == []


def test_the_wheel_holds_nothing_else(tracked: list[str]) -> None:
    """Neither setup.py nor tests, nor files that nobody committed."""
    surplus = sorted(set(installed()) - {*tracked, "__init__.py", "__main__.py"})

    assert surplus == []


def test_the_root_has_three_python_files() -> None:
    """Any other would be importable beside the package, or shipped by mistake."""
    assert sorted(path.name for path in ROOT.glob("*.py")) == ["__init__.py", "__main__.py", "setup.py"]


def test_build_is_no_package() -> None:
    """PyPI's `build` stays importable in the checkout."""
    assert not (ROOT / "build" / "__init__.py").exists()


@pytest.mark.parametrize("portion", PORTIONS)
def test_every_folder_with_code_is_a_package(portion: str) -> None:
    """A folder without __init__.py would be missing from the wheel."""
    folders = {path.parent for path in (ROOT / portion).rglob("*.py") if "node_modules" not in path.parts}

    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_module_is_a_drawer() -> None:
    """Modules are named for what they do."""
    drawers = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}

    found = [path for portion in PORTIONS for path in (ROOT / portion).rglob("*.py") if path.name in drawers]

    assert found == []


def test_no_module_is_longer_than_500_lines() -> None:
    """Longer ones are two modules."""
    long = [
        str(path.relative_to(ROOT))
        for portion in PORTIONS
        for path in (ROOT / portion).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 500
    ]

    assert long == []
