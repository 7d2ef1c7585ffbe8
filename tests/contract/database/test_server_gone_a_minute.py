"""The whole platform on a real server that goes away for a minute: afterwards it goes on, nothing lost."""

import json
import subprocess
import sys
import threading
import time

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault

PASSWORD = "a password of the tests"
AWAY_S = 60
PATIENCE_S = 240


@pytest.fixture
def cryptobot(tmp_path):
    """Runs the command in a home of its own, and stops the platform at the end."""

    def run(*words, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(tmp_path / "home"), *words],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    yield run
    run("down", check=False)


def until(condition):
    """Wait until a question about the platform is answered with yes."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_trading_goes_on_after_a_minute_without_the_database(own_server, cryptobot, tmp_path, engine):
    """Meanwhile services say what is away; afterwards every fill is there once, the audit holds."""
    server = own_server(engine)
    home = Home(tmp_path / "home")
    home.create()
    Vault(home).set("database.password", Secret(PASSWORD))
    home.config_file.write_text(
        f"database:\n  url: {server.url()}\ndashboard:\n  port: 0\npaper:\n  candle_interval_s: 200ms\n"
    )

    def fills():
        return [one["id"] for one in json.loads(cryptobot("fills", "--json"))]

    def services():
        return {one["name"]: one for one in json.loads(cryptobot("status", "--json"))["services"]}

    cryptobot("up", "-d")
    until(lambda: len(fills()) >= 2)
    before = fills()

    server.stop()
    stopped = time.monotonic()
    until(lambda: "database" in " ".join(one["reason"] for one in services().values()))
    threading.Event().wait(max(0.0, AWAY_S - (time.monotonic() - stopped)))
    assert services()["trade"]["state"] != "FATAL"
    server.start()

    until(lambda: all(services()[name]["state"] == "RUNNING" for name in ("trade", "auth", "strategy")))
    until(lambda: len(set(fills()) - set(before)) >= 2)
    after = fills()
    assert set(before) <= set(after)
    assert len(after) == len(set(after))
    positions = {one["symbol"]: one for one in json.loads(cryptobot("positions", "--json"))}
    assert positions is not None
    assert json.loads(cryptobot("audit", "verify", "--json"))["ok"]
    for row in json.loads(cryptobot("db", "check", "--json")):
        assert row["ok"], row
