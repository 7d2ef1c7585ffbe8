"""Real updates of the real platform: versions are copies of our source side by side, served and signed.

A bot with resting orders trades on the paper exchange meanwhile.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cryptobot
import pytest
from cryptobot.configs.programfolder import FOLDER_VARIABLE, ProgramFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(sys.platform == "win32", reason="a running supervisor is replaced by exec"),
]
SOURCE = Path(cryptobot.__file__).parent
PARTS = ("__init__.py", "__main__.py", "bus", "configs", "dashboard", "services", "supervisor")
RELEASE = Path(__file__).parents[3] / "build" / "release" / "release.py"
START = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd -P)
PYTHONPATH=$here/lib
export PYTHONPATH
exec {python} -m cryptobot "$@"
"""
SETTINGS = """
dashboard: {port: 0}
update: {confirm_s: 3, trial_s: 40, wait_s: 120}
services: {update: {enabled: true}}
strategy:
  instances:
    hold: {strategy: hold, symbol: BTC/USDT}
"""
# Buys once; its stop rests at the venue, far below any price of the recording.
HOLD = """
from cryptobot import Candle, Strategy


class Hold(Strategy):
    bought = False

    def on_candle(self, candle: Candle) -> None:
        if not self.position and not self.bought:
            self.bought = True
            self.buy(cash=500, stop=candle.close * 0.05)
"""
SCHEMA = "configs/schema.py"
FIELD = '    timeframe: Annotated[str, setting("Length of a candle.")] = "1s"\n'
NEW_FIELD = '    of_tomorrow: Annotated[int, setting("What the version before does not know.")] = 0\n'
BROKEN = '\nraise RuntimeError("trade of this version is broken")\n'
DEADLINE_S = 400.0


def make_version(folder, version, *, broken=""):
    """A copy of the source under another version; `broken` is a module that cannot be loaded.

    Newer ones have a setting more in each entry of a table: the version before watches them all the same.
    """
    library = folder / "lib" / "cryptobot"
    library.mkdir(parents=True)
    for name in PARTS:
        if (SOURCE / name).is_dir():
            shutil.copytree(SOURCE / name, library / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(SOURCE / name, library)
    marker = library / "__init__.py"
    marker.write_text(
        marker.read_text().replace(f'"{cryptobot.__version__}"', f'"{version}"', 1), encoding="utf-8"
    )
    if version != cryptobot.__version__:
        text = (library / SCHEMA).read_text(encoding="utf-8")
        assert text.count(FIELD) == 1
        (library / SCHEMA).write_text(text.replace(FIELD, FIELD + NEW_FIELD), encoding="utf-8")
    if broken:
        (library / broken).write_text((library / broken).read_text() + BROKEN, encoding="utf-8")
    (folder / "cryptobot").write_text(START.format(python=sys.executable))
    (folder / "cryptobot").chmod(0o755)
    return folder


class Estate:
    """A signed repository on loopback, a program folder, a home."""

    def __init__(self, top):
        self.top = top
        self.folder = ProgramFolder(top / "program")
        self.home = top / "home"
        self.home.mkdir()
        (self.home / "strategies").mkdir()
        (self.home / "config.yaml").write_text(SETTINGS)
        (self.home / "strategies" / "hold.py").write_text(HOLD)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        self.environment = {**clean, "CRYPTOBOT_RELEASE_PASSPHRASE": "test"}
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Quiet, directory=str(top / "repository"))
        )
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.release("begin")
        address = f"http://127.0.0.1:{self._server.server_port}/"
        first = make_version(top / "first", "0.1.0")
        self.release("layout", first, self.folder.root, "--address", address, keys=False)

    def release(self, action, *words, keys=True):
        """As `make release` does."""
        given = [action, str(self.top / "repository"), *map(str, words)]
        given += ["--keys", str(self.top / "keys")] if keys else []
        subprocess.run([sys.executable, RELEASE, *given], check=True, env=self.environment, cwd=self.top)

    def publish(self, version, **how):
        """Sign another version as the newest."""
        self.release("publish", make_version(self.top / version, version, **how))

    def words(self, *words):
        return [str(self.folder.stub), "--home", str(self.home), *words]

    def call(self, *words, code=0):
        """Run a command through the stub; its stdout and stderr."""
        done = subprocess.run(
            self.words(*words), capture_output=True, text=True, env=self.environment, timeout=DEADLINE_S,
            check=False, cwd=self.top,
        )  # fmt: skip
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def json(self, *words):
        return json.loads(self.call(*words, "--json")[0])

    def status(self):
        found = self.json("status")
        return found["supervisor"], {one["name"]: one for one in found["services"]}

    def open_orders(self):
        return {one["id"] for one in self.json("orders") if one["status"] == "open"}

    def states(self):
        """Every trading state of the journal, oldest first, a line each."""
        return self.call("bus", "replay", "1h..0m", "risk.state", "--json")[0].splitlines()

    def all_well(self, version):
        """Every service is ready, of this version; trading goes on; what the ledger says is true."""
        supervisor, services = self.status()
        assert supervisor["version"] == version
        enabled = {name: one for name, one in services.items() if one["state"] != "STOPPED"}
        assert {"bus", "auth", "paper", "data", "trade", "strategy", "dashboard", "update"} <= set(enabled)
        assert all(one["ready"] for one in enabled.values()), enabled
        for one in enabled.values():
            arguments = Path(f"/proc/{one['pid']}/environ").read_bytes() if Path("/proc").is_dir() else b""
            assert not arguments or f"versions/{version}/lib".encode() in arguments, one["name"]
        assert f"version   {version}" in self.call("update", "status")[0]
        return supervisor, services

    def close(self):
        subprocess.run(
            self.words("down"), capture_output=True, env=self.environment, timeout=DEADLINE_S, check=False
        )
        self._server.shutdown()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def until(found, what):
    """Wait until `found()` is something, and return it."""
    ends = time.monotonic() + DEADLINE_S
    while not (value := found()):
        assert time.monotonic() < ends, f"{what} did not come"
        time.sleep(0.1)
    return value


@pytest.fixture
def estate(tmp_path, monkeypatch):
    """See Estate."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    made = Estate(tmp_path)
    yield made
    made.close()


def test_orders_survive_updates_that_work_and_that_do_not(estate):
    """A good version is taken over to, a broken one is taken back from, a killed update is finished.

    The supervisor's process stays the same, and every order that rested is still known.
    """
    estate.publish("0.2.0")
    estate.call("up", "-d", "--timeout", "180")
    resting = until(estate.open_orders, "the stop at the venue")
    before = estate.status()[0]["pid"]
    estate.call("update", "apply", "--yes")
    supervisor, _ = estate.all_well("0.2.0")
    assert supervisor["pid"] == before
    assert estate.open_orders() == resting

    estate.publish("0.3.0", broken="services/trade/service.py")
    _out, told = estate.call("update", "apply", "--yes", code=1)
    assert "Version 0.3.0 was taken back, 0.2.0 runs again: trade did not become ready" in told
    supervisor, _ = estate.all_well("0.2.0")
    assert supervisor["pid"] == before
    assert estate.open_orders() == resting
    assert estate.json("update", "status")["last"] == "rolled-back"
    _out, told = estate.call("update", "apply", "--yes", code=2)
    assert "`--version 0.3.0` tries it once more" in told

    estate.publish("0.4.0")
    applying = subprocess.Popen(
        estate.words("update", "apply", "--yes"), env=estate.environment, stderr=subprocess.PIPE
    )
    until(lambda: estate.folder.read_progress().step == "Restarting trade", "the restart of trade")
    applying.send_signal(signal.SIGKILL)
    applying.communicate()
    until(lambda: estate.json("update", "status")["last_version"] == "0.4.0", "the end of the update")
    assert estate.json("update", "status")["last"] == "confirmed"
    supervisor, _ = estate.all_well("0.4.0")
    assert supervisor["pid"] == before

    estate.call("update", "rollback", "--yes")
    estate.all_well("0.2.0")
    assert estate.open_orders() == resting
    states = [json.loads(line)["payload"]["state"] for line in estate.states()]
    assert states[-1] == "ACTIVE"
    assert states.count("REDUCING") >= 4


def test_a_supervisor_that_cannot_start_is_replaced(estate):
    """The new version's supervisor dies at once: the services go on, and the old one adopts them again."""
    estate.publish("0.2.0", broken="supervisor/supervisor.py")
    estate.call("up", "-d", "--timeout", "180")
    _, services = estate.status()
    pids = {name: one["pid"] for name, one in services.items() if one["state"] != "STOPPED"}
    _out, told = estate.call("update", "apply", "--yes", code=1)
    assert "Version 0.2.0 was taken back, 0.1.0 runs again" in told
    _, services = estate.all_well("0.1.0")
    assert set(pids) <= {name for name, one in services.items() if one["ready"]}
