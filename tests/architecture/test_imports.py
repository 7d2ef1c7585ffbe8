"""How our files import each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("bus", "configs", "dashboard", "services", "supervisor")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (*PORTIONS, "tests", "build")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)


def imported_names(source: str) -> list[str]:
    """Modules that a file imports absolutely, by their first word."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.extend(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.append(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("name", FILES)
def test_no_file_imports_a_portion_by_its_bare_name(name: str) -> None:
    """`import bus` would find a stranger's package, or ours a second time."""
    source = (ROOT / name).read_text(encoding="utf-8")

    assert set(imported_names(source)).isdisjoint(PORTIONS)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(PORTIONS)])
def test_inside_the_package_imports_are_relative(name: str) -> None:
    """The package does not know its own name: only strings for the loader may hold it."""
    source = (ROOT / name).read_text(encoding="utf-8")

    assert "cryptobot" not in imported_names(source)


def test_a_bare_import_is_caught() -> None:
    """The check sees what it is for."""
    assert imported_names("from bus.client import Bus\nimport configs.paths") == ["bus", "configs"]
