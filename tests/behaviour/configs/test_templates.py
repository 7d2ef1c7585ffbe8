"""Each template is a start that works: it comes up, and what it says will trade does trade."""

import json
import subprocess
import sys
import time

import pytest
from cryptobot.configs import exchange

PATIENCE_S = 240
ONCE_A_DAY = {"steady-saver"}
"""Buys at midnight UTC, which is not waited for here; that it buys then is in the strategy's own tests."""


@pytest.fixture
def cryptobot(tmp_path):
    """Runs the command in a home of its own, and stops the platform at the end."""

    def run(*words, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(tmp_path / "home"), *words],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stderr)
        return done.stdout

    yield run
    run("down", check=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", exchange.template_names())
def test_a_template_starts_and_does_what_it_says(cryptobot, name):
    """Everything is ready, every market's candles come, and each strategy's market sees a fill."""
    cryptobot("config", "import", "--template", name)
    cryptobot("config", "check")
    cryptobot("up", "-d", "--set", "dashboard.port=0", "--set", "paper.candle_interval_s=100ms")
    status = json.loads(cryptobot("status", "--json"))
    assert {one["state"] for one in status["services"] if one["ready"]} == {"RUNNING"}
    instances = json.loads(cryptobot("config", "get", "strategy.instances", "--json"))
    wanted = set() if name in ONCE_A_DAY else {one["symbol"] for one in instances.values()}
    deadline = time.monotonic() + PATIENCE_S
    while wanted - {one["symbol"] for one in json.loads(cryptobot("fills", "--json"))}:
        assert time.monotonic() < deadline, cryptobot("orders", "--json")
    runs = json.loads(cryptobot("strategy", "list", "--json"))["strategies"]
    assert name not in ONCE_A_DAY or [one["state"] for one in runs] == ["RUNNING"], runs
    assert name != "research-only" or json.loads(cryptobot("orders", "--json")) == [], runs
