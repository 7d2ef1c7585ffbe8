"""A whole update from compiled program to compiled program, where there is no Python.

CRYPTOBOT_TEST_BINARY names the folder of the compiled program in use (else dist/cryptobot). The newer one is
the folder that CRYPTOBOT_TEST_NEWER names; else a copy of the first with another number in place of its own.
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

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]
RELEASE = ROOT / "build" / "release" / "release.py"
STUB_NEEDS = ("dirname", "ls", "mv", "readlink", "sh", "sync", "wc")
SETTINGS = """
dashboard: {port: 0}
update: {confirm_s: 5, trial_s: 60, wait_s: 120}
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
DEADLINE_S = 600.0
pytestmark = [
    pytest.mark.release,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(sys.platform != "linux", reason="the compiled program is looked at in /proc"),
]


def program_in_use():
    """The folder of the compiled program; skips where there is none."""
    folder = Path(os.environ.get("CRYPTOBOT_TEST_BINARY") or ROOT / "dist" / "cryptobot")
    if not (folder / "program" / "cryptobot.bin").is_file():
        pytest.skip(f"there is no compiled program in {folder}; `make binary` makes it")
    return folder


def said_version(folder):
    """What a compiled program calls itself."""
    done = subprocess.run([folder / "cryptobot", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def linked(source, target):
    """A copy of a program's folder that takes no room."""
    shutil.copytree(source, target, copy_function=os.link, symlinks=True)
    return target


def renumbered(source, target, version):
    """A copy with another number of as many characters: it is one constant of the compiled package."""
    old = said_version(source).encode()
    assert len(old) == len(version)
    program = linked(source, target) / "program" / "cryptobot.bin"
    data = program.read_bytes()
    constants = [bytes([len(old)]) + old, b"a" + old + b"\0", b"u" + old + b"\0"]  # of bytecode, or made C
    assert sum(data.count(one) for one in constants) == 1, f"{old.decode()} is not our version's number alone"
    for one in constants:
        data = data.replace(one, one.replace(old, version.encode()))
    program.unlink()
    program.write_bytes(data)
    program.chmod(0o755)
    assert said_version(target) == version
    return target


class Estate:
    """A signed repository on loopback, the folder of the versions, a home; and a path without Python."""

    def __init__(self, top, first):
        self.top, self.program, self.home = top, top / "program", top / "home"
        (self.home / "strategies").mkdir(parents=True)
        (self.home / "config.yaml").write_text(SETTINGS)
        (self.home / "strategies" / "hold.py").write_text(HOLD)
        (top / "path").mkdir()
        for name in STUB_NEEDS:
            (top / "path" / name).symlink_to(shutil.which(name))
        (top / "person").mkdir()
        self.environment = {"PATH": str(top / "path"), "HOME": str(top / "person")}
        served = partial(_Quiet, directory=str(top / "repository"))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), served)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.release("begin")
        address = f"http://127.0.0.1:{self._server.server_port}/"
        self.release("layout", first, self.program, "--address", address, keys=False)

    def release(self, action, *words, keys=True):
        """As `make release` does."""
        given = [action, str(self.top / "repository"), *map(str, words)]
        given += ["--keys", str(self.top / "keys")] if keys else []
        environment = {**os.environ, "CRYPTOBOT_RELEASE_PASSPHRASE": "test"}
        subprocess.run([sys.executable, RELEASE, *given], check=True, env=environment, cwd=self.top)

    def words(self, *words):
        return [str(self.program / "cryptobot"), "--home", str(self.home), *words]

    def call(self, *words, code=0):
        """Run a command through the stub; its stdout and stderr."""
        done = subprocess.run(
            self.words(*words), capture_output=True, text=True, env=self.environment, timeout=DEADLINE_S,
            check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def json(self, *words):
        return json.loads(self.call(*words, "--json")[0])

    def open_orders(self):
        return {one["id"] for one in self.json("orders") if one["status"] == "open"}

    def all_well(self, version):
        """Supervisor and services are ready and run that version's executable; the supervisor's number."""
        found = self.json("status")
        assert found["supervisor"]["version"] == version
        used = {one["name"]: one for one in found["services"] if one["state"] != "STOPPED"}
        assert {"bus", "auth", "paper", "data", "trade", "strategy", "dashboard", "update"} <= set(used)
        assert all(one["ready"] for one in used.values()), used
        inner = self.program / "versions" / version / "program" / "cryptobot.bin"
        pids = [found["supervisor"]["pid"], *(one["pid"] for one in used.values())]
        assert {psutil.Process(pid).exe() for pid in pids} == {str(inner)}
        assert (self.program / "current").read_text().strip() == version
        return found["supervisor"]["pid"]

    def processes(self):
        """Every process of this home."""
        found = []
        for one in psutil.process_iter(["cmdline"]):
            if str(self.home) in (one.info["cmdline"] or ()):
                found.append(one)
        return found

    def close(self):
        if (self.program / "current").is_file():
            subprocess.run(self.words("down"), capture_output=True, env=self.environment, check=False)
        for one in self.processes():
            one.kill()
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
        time.sleep(0.2)
    return value


@pytest.fixture
def estate(tmp_path):
    """See Estate."""
    made = Estate(tmp_path, program_in_use())
    yield made
    made.close()


def newer_program(first, top):
    """What is updated to, and its version: a real build where one is named, else a renumbered copy."""
    named = os.environ.get("CRYPTOBOT_TEST_NEWER", "")
    if named:
        return Path(named), said_version(Path(named))
    major, _, rest = said_version(first).partition(".")
    version = f"{int(major) + 1}.{rest}"
    return renumbered(first, top / "newer", version), version


def test_a_compiled_program_becomes_a_newer_one_and_a_broken_one_is_taken_back(estate):
    """Verified, switched, adopted, watched; the stop at the venue rests throughout, and so does the process.

    The broken version comes without its part ccxt: it says its name and migrates, but trade cannot start.
    """
    first = program_in_use()
    old = said_version(first)
    newer, version = newer_program(first, estate.top)
    estate.release("publish", newer, "--notes", "What is new.")
    estate.call("up", "-d", "--timeout", "300")
    resting = until(estate.open_orders, "the stop at the venue")
    supervisor = estate.all_well(old)

    assert estate.json("update", "check")["newest"] == version
    estate.call("update", "apply", "--yes")
    assert estate.all_well(version) == supervisor
    assert estate.open_orders() == resting
    assert estate.json("update", "status")["last"] == "confirmed"
    journal = (estate.home / "logs" / "supervisor.log").read_text()
    assert journal.count('"event":"adopted"') >= 8

    broken = renumbered(first, estate.top / "broken", "9" + old[1:])
    shutil.rmtree(broken / "parts" / "ccxt")
    estate.release("publish", broken)
    _out, told = estate.call("update", "apply", "--yes", code=1)
    assert f"was taken back, {version} runs again" in told
    assert estate.all_well(version) == supervisor
    assert estate.open_orders() == resting
    assert estate.json("update", "status")["last"] == "rolled-back"

    estate.call("update", "rollback", "--yes")
    assert estate.all_well(old) == supervisor
    assert estate.open_orders() == resting
    estate.call("down")
    assert estate.processes() == []


def test_a_compiled_update_whose_watcher_is_killed_is_finished(estate):
    """kill -9 of the process that applies, at the hand-over: the next one ends it with one whole version."""
    first = program_in_use()
    newer, version = newer_program(first, estate.top)
    estate.release("publish", newer)
    estate.call("up", "-d", "--timeout", "300")
    resting = until(estate.open_orders, "the stop at the venue")
    applying = subprocess.Popen(
        estate.words("update", "apply", "--yes"), env=estate.environment, stderr=subprocess.PIPE
    )
    progress = estate.program / "progress.json"
    until(lambda: progress.is_file() and b"Restarting trade" in progress.read_bytes(), "trade's restart")
    applying.send_signal(signal.SIGKILL)
    applying.communicate()
    until(lambda: estate.json("update", "status")["last_version"] == version, "the end of the update")
    assert estate.json("update", "status")["last"] == "confirmed"
    estate.all_well(version)
    assert estate.open_orders() == resting
