"""What a demo traded on the paper exchange is what the same strategies do again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def cryptobot(home: Path, *words: str, timeout_s: float) -> Any:
    environment = {**os.environ, "CRYPTOBOT_NO_BROWSER": "1"}
    return subprocess.run(
        [sys.executable, "-m", "cryptobot", "--home", str(home), *words],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=environment,
    )


def test_on_paper_without_faults_there_is_no_difference(tmp_path: Path) -> None:
    """Every order of a minute's demo: same candle, same size, a price of the book of its moment."""
    traded = cryptobot(tmp_path, "demo", "--for", "60s", "--no-browser", "--json", timeout_s=180)
    assert traded.returncode == 0, traded.stderr
    compared = cryptobot(tmp_path, "parity", "--from", "10m", "--json", timeout_s=60)
    found = json.loads(compared.stdout)

    assert found["runs"][0]["differences"] == []
    assert (compared.returncode, found["differences"]) == (0, 0)
    assert found["orders"] > 0
    assert found["runs"][0]["equal"] == found["runs"][0]["orders"] == found["runs"][0]["again"]
