"""The table of states, and the page drawn from it."""

import ast
from pathlib import Path

import cryptobot
import pytest
from cryptobot.supervisor import states
from cryptobot.supervisor.states_page import page

_ROOT = Path(cryptobot.__file__).parent


def test_the_module_imports_nothing() -> None:
    """Everything may rely on it."""
    tree = ast.parse((_ROOT / "supervisor" / "states.py").read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_every_state_is_described_reached_and_left() -> None:
    """No dead end: a person can start every service that is at rest."""
    reached = {after for following in states.TRANSITIONS.values() for after in following}
    assert set(states.TRANSITIONS) == set(states.MEANING) == set(states.STATES) == reached
    for state in states.AT_REST:
        assert states.allowed(state, states.STARTING)


@pytest.mark.parametrize("state", [states.STARTING, states.RUNNING, states.DEGRADED])
def test_a_service_with_a_process_stops_only_through_stopping(state: str) -> None:
    """STOPPED is never said while a process may still be there."""
    assert states.allowed(state, states.STOPPING)
    assert not states.allowed(state, states.STOPPED) or state == states.STARTING


def test_the_page_is_fresh() -> None:
    """docs/states.md is what the table draws."""
    path = _ROOT / "docs" / "states.md"
    if not path.exists():
        pytest.skip("docs/ is not beside the installed package")
    assert path.read_text(encoding="utf-8") == page(), (
        "run python -m cryptobot.supervisor.states_page > docs/states.md"
    )


def test_only_the_monotonic_clock_decides() -> None:
    """S16: a wall clock that jumps a day cannot cause a time-out, a restart or a wait."""
    # Logs bear wall-clock times, and are rotated and removed by them; nothing else follows from these.
    allowed = {"unit.py", "lifecycle.py", "journal.py", "schedule.py", "logfile.py", "logtidy.py"}
    for path in sorted((_ROOT / "supervisor").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        wall = called & {"time.time", "time.time_ns", "datetime.now"}
        assert not wall or path.name in allowed, f"{path.name} reads the wall clock: {wall}"
    for name in ("unit.py", "lifecycle.py"):
        text = (_ROOT / "supervisor" / name).read_text(encoding="utf-8")
        assert all("since_ns" in line for line in text.splitlines() if "time.time_ns" in line), name
