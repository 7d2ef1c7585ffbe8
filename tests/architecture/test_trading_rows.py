"""Every row of the contract of the money path has a test against the exchange's real sockets."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = [f"T{number}" for number in range(1, 32)]
_ROW = re.compile(r"\bT(\d+)\b")


def rows_of(path: Path) -> set[str]:
    """Rows that the docstrings of a file's tests name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            found |= {f"T{number}" for number in _ROW.findall(ast.get_docstring(node) or "")}
    return found


@pytest.fixture(scope="module")
def tested() -> set[str]:
    """Rows with a test in which trade and the exchange talk over sockets."""
    folders = (TESTS / "behaviour" / "trade", TESTS / "process" / "trade")
    return set().union(*(rows_of(path) for folder in folders for path in folder.glob("test_*.py")))


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_behaviour_test(row: str, tested: set[str]) -> None:
    """Each of T1 to T31 is named by a test that drives trade against the paper exchange."""
    assert row in tested
