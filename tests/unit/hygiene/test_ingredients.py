"""Whose work is in a release, and that it may be handed out."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import cryptobot
import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def ingredients() -> ModuleType:
    """The script of build/hygiene."""
    spec = importlib.util.spec_from_file_location("hygiene", ROOT / "build" / "hygiene" / "ingredients.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hygiene"] = module
    spec.loader.exec_module(module)
    return module


def test_every_part_is_under_an_allowed_licence(ingredients: ModuleType) -> None:
    """Ours, and all that they need, and the files of others in the tree; none is unknown."""
    found = ingredients.distributions(ingredients.extras())

    assert {"ccxt", "pyzmq", "flask", "peewee", "cryptography"} < {part.name for part in found}
    assert ingredients.violations() == []


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("MIT", False),
        ("GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", False),
        ("MIT AND GPL-3.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)", False),
        ("(GPL-2.0-only OR AGPL-3.0-only) AND MIT", True),
        ("AGPL-3.0-only", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("LGPL-3.0-only", False),
        ("", True),
    ],
)
def test_expressions_are_weighed(ingredients: ModuleType, expression: str, refused: bool) -> None:
    """Of an OR one allowed side is enough, of an AND none may be forbidden."""
    assert ingredients.forbidden(expression) is refused


def test_files_of_others_bring_their_licence(ingredients: ModuleType) -> None:
    """Every folder of vendored files is listed, lies there with its licence, and stands in NOTICE."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").lower()
    listed = {part.where: part for part in ingredients.vendored()}
    vendor = ROOT / "dashboard" / "static" / "vendor"
    folders = {path.relative_to(ROOT).as_posix() for path in vendor.iterdir() if path.is_dir()}

    assert folders <= set(listed)
    for where in folders:
        assert [path for path in (ROOT / where).rglob("*") if "licen" in path.name.lower()], where
    for part in listed.values():
        assert part.version in notice
        assert part.name.split("-")[0] in notice


def test_what_comes_from_a_package_index_is_required_somewhere(ingredients: ModuleType) -> None:
    """The table of libraries inside wheels names wheels that are ours."""
    names = {part.name for part in ingredients.distributions(ingredients.extras())}
    inside = {one["within"] for one in ingredients.TABLE["inside"]}

    assert inside <= names | {"uvloop"}


def test_the_changelog_knows_the_version() -> None:
    """The newest heading is what comes next, and no heading is above the program's own version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("## ")]
    headings = [line.removeprefix("## ").split()[0].strip("[]") for line in lines]

    assert headings[0] in ("Unreleased", cryptobot.__version__)
    released = [Version(name) for name in headings if name != "Unreleased"]
    assert all(one <= Version(cryptobot.__version__) for one in released)


def test_upgrading_is_written_down() -> None:
    """The page covers the version that is next."""
    text = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
    assert f"## To {cryptobot.__version__}" in text
