"""Every row of the behaviours of a supervisor has a test of our own on real processes."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = [f"S{number}" for number in range(1, 46)]
_ROW = re.compile(r"\bS(\d+)\b")


def rows_of(path: Path) -> set[str]:
    """Rows that the docstrings of a file's tests name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found |= {f"S{number}" for number in _ROW.findall(ast.get_docstring(node) or "")}
    return found


@pytest.fixture(scope="module")
def tested() -> set[str]:
    """Rows with a test that drives a real daemon from outside."""
    folders = (TESTS / "behaviour" / "supervisor", TESTS / "process" / "supervisor")
    return set().union(*(rows_of(path) for folder in folders for path in folder.glob("test_*.py")))


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_behaviour_test(row: str, tested: set[str]) -> None:
    """Each of S1 to S45 is named by a test against a real daemon."""
    assert row in tested
