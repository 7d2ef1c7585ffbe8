"""The audit of dependencies: what it finds, and that it never takes silence for safety."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "build" / "audit.py"


@pytest.fixture
def audit() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("audit_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answering(monkeypatch: pytest.MonkeyPatch, audit: ModuleType, found: list[dict[str, Any]]) -> None:
    """Let pip-audit find this."""
    text = json.dumps({"dependencies": found})

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, text, "")

    monkeypatch.setattr(audit.subprocess, "run", run)


def test_a_known_vulnerability_fails(monkeypatch: pytest.MonkeyPatch, audit: ModuleType, capsys: Any) -> None:
    """Its package, version, name and the version that mends it are told."""
    fault = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    answering(monkeypatch, audit, [{"name": "old", "version": "1.0", "vulns": [fault]}])

    assert audit.main() == 1
    assert "old 1.0: PYSEC-1, mended in 2.0" in capsys.readouterr().err


def test_an_accepted_one_needs_its_reason(monkeypatch: pytest.MonkeyPatch, audit: ModuleType) -> None:
    """What is listed with a reason does not fail."""
    monkeypatch.setitem(audit.ACCEPTED, "PYSEC-1", "the code in question is never called")
    answering(monkeypatch, audit, [{"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}])

    assert audit.main() == 0


@pytest.mark.parametrize(("strict", "code"), [("", 0), ("strict", 1)])
def test_silence_is_not_taken_for_safety(
    monkeypatch: pytest.MonkeyPatch, audit: ModuleType, capsys: Any, strict: str, code: int
) -> None:
    """A mirror that knows no package has checked nothing, and that is said."""
    monkeypatch.setenv("AUDIT", strict)
    answering(monkeypatch, audit, [{"name": "any", "skip_reason": "not found on PyPI"}])

    assert audit.main() == code
    assert "NOT CHECKED" in capsys.readouterr().err


def test_every_accepted_vulnerability_has_a_reason(audit: ModuleType) -> None:
    """Nothing is waved through without a word."""
    assert all(len(reason) > 20 for reason in audit.ACCEPTED.values())
