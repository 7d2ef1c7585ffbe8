"""A small world for updates: a program folder, programs that do what ours does, a platform, a repository."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptobot.bus.contracts.trade import Portfolio, Position, TradingState
from cryptobot.configs.paths import Home
from cryptobot.configs.programfolder import FOLDER_VARIABLE, ProgramFolder, Ready
from cryptobot.configs.sections.update import UpdateSettings
from cryptobot.supervisor.versions.trial import Trial

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "build" / "release"))

from release_archive import lay_out, pack  # noqa: E402 - it lies outside of any package
from release_repository import KeyFolder, Repository  # noqa: E402

# The commands of our program that an update calls, on a database of one table. `LEVEL` is the form of its
# tables; a fault of that name makes a command fail.
PROGRAM = """#!{python} -IS
import json, os, sqlite3, sys
VERSION, LEVEL, FAULT = {version!r}, {level!r}, {fault!r}
words = sys.argv[1:]
if words == ["--version"]:
    if FAULT == "version":
        sys.exit("no such library")
    print("cryptobot", VERSION if FAULT != "name" else "9.9.9")
    sys.exit(0)
home, words = words[1], [word for word in words[2:] if word != "--json"]
path = home + "/state/databases/trade.sqlite"
form = lambda: sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0]
if words[:2] == ["db", "backup"]:
    with sqlite3.connect(words[3] + "/trade-v1-now.sqlite") as copy:
        sqlite3.connect(path).backup(copy)
elif words == ["db", "migrate"]:
    if FAULT == "migrate":
        sys.exit("a column cannot be added")
    before = form()
    sqlite3.connect(path).execute(f"PRAGMA user_version = {{LEVEL}}")
    print(json.dumps([{{"owner": "trade", "version": before, "applied": ["x"] if LEVEL > before else []}}]))
elif words == ["db", "check"]:
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
elif words == ["config", "check"]:
    if FAULT in open(home + "/config.yaml").read().split():
        sys.exit("config.yaml cannot be read")
elif words[:2] == ["db", "take-back"]:
    newer = form() > LEVEL
    if newer and "--dry-run" not in words:
        sqlite3.connect(path).execute(f"PRAGMA user_version = {{LEVEL}}")
    print(json.dumps([{{"owner": "trade"}}] if newer else []))
elif words == ["service", "run", "supervisor"]:
    if FAULT == "boot":
        sys.exit("a library is missing")
    beside = home + "/run/version.new"
    with open(beside, "w") as file:
        file.write(VERSION)
    os.replace(beside, home + "/run/version")
    if FAULT != "migrate" and LEVEL > form():
        sqlite3.connect(path).execute(f"PRAGMA user_version = {{LEVEL}}")
else:
    sys.exit(f"what is {{words}}?")
"""


def write_program(folder, version, *, level=1, fault="", more=0):
    """A program of so many more bytes."""
    folder.mkdir(parents=True)
    path = folder / "cryptobot"
    path.write_text(PROGRAM.format(python=sys.executable, version=version, level=level, fault=fault or "-"))
    path.chmod(0o755)
    (folder / "lib").mkdir()
    (folder / "lib" / "data.bin").write_bytes(os.urandom(more or 100))
    return folder


class SmallPlatform:
    """Stands for the running platform: its supervisor's version is on disk, set by what the stub starts.

    Args:
        bad: a service that does not become ready under that version.
    """

    def __init__(self, home, folder, bad=("", "")):
        self.home, self.folder, self.bad = home, folder, bad
        self.calls = []

    @property
    def _path(self):
        return self.home.run / "platform.json"

    def read(self):
        return json.loads(self._path.read_text())

    def change(self, **values):
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({**self.read(), **values}))
        beside.replace(self._path)

    def version(self):
        path = self.home.run / "version"
        return path.read_text() if path.exists() else ""

    def services(self):
        return {
            name: {
                "ready": (name, version) != self.bad,
                "state": "RUNNING",
                "reason": "",
                "restarts": 0,
                "version": version,
            }
            for name, version in self.read()["services"].items()
        }

    def replace(self, version):
        self.calls.append(f"replace {version}")
        words = [str(self.folder.stub), "--home", str(self.home.root), "service", "run", "supervisor"]
        for _ in range(5):  # a service manager starts it again
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                break
        if self.version() != version:
            from cryptobot.configs.errors import CryptoBotError

            raise CryptoBotError(f"The supervisor of version {version} did not start.")

    def reload(self):
        self.calls.append("reload")

    def restart(self, name, patience_s=0.0):
        self.calls.append(f"restart {name}")
        self.change(services={**self.read()["services"], name: self.version()})

    def stop(self, name):
        self.calls.append(f"stop {name}")

    start = restart

    def portfolio(self):
        held = self.read()["held"]
        position = Position(
            exchange="paper", symbol="BTC/USDT", amount=Decimal(held), average=Decimal(100), fees=Decimal(0),
            realised_pnl=Decimal(0), unrealised_pnl=Decimal(0), updated_ms=0,
        )  # fmt: skip
        state = TradingState(state=self.read()["trading"], reason="", actor="", since_ms=0)
        return Portfolio(positions=[position], balances=[], equity=None, trading_state=state)

    def open_orders(self):
        return self.read()["orders"]

    def known_orders(self):
        return set(self.read()["orders"])

    def set_trading(self, state, reason):
        self.calls.append(f"trading {state}")
        self.change(trading=state)


class World:
    """A program folder with version 1.0.0 in use, a home that it runs in, and archives to update to."""

    def __init__(self, top):
        self.top = top
        self.folder = ProgramFolder(top / "program")
        self.home = Home(top / "home")
        self.home.create()
        self.platform = SmallPlatform(self.home, self.folder)
        self.steps = []

    def begin(self):
        write_program(self.top / "one", "1.0.0")
        lay_out(self.folder.root, self.top / "one", b"{}", "http://127.0.0.1:1/")
        self.home.config_file.write_text("profile: paper\n")
        with sqlite3.connect(self.home.databases / "trade.sqlite") as database:
            database.execute("CREATE TABLE fills (id INTEGER)")
            database.executemany("INSERT INTO fills VALUES (?)", [(number,) for number in range(100)])
            database.execute("PRAGMA user_version = 1")
        (self.home.run / "version").write_text("1.0.0")
        services = {"bus": "1.0.0", "trade": "1.0.0", "strategy": "1.0.0"}
        state = {"services": services, "trading": "ACTIVE", "held": "0", "orders": ["o1"]}
        self.platform._path.write_text(json.dumps(state))
        return self

    def offer(self, version="2.0.0", **how):
        """Put an archive of a version where a download puts it."""
        import hashlib

        source = write_program(self.top / f"source-{version}", version, **{"level": 2, **how})
        archive = self.folder.downloads / f"cryptobot-{version}.tar.gz"
        pack(source, archive)
        data = archive.read_bytes()
        ready = Ready(
            version=version, file=archive.name, length=len(data), sha256=hashlib.sha256(data).hexdigest()
        )
        self.folder.write_ready(ready)
        return ready

    def trial(self, **settings):
        given = UpdateSettings(**{"confirm_s": 0.05, "trial_s": 10, "wait_s": 0, **settings})
        return Trial(self.folder, self.home, self.platform, given, self.steps.append)

    def says(self, *words):
        """What the stub starts."""
        done = subprocess.run([self.folder.stub, *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr.strip()

    def form(self):
        """The form of the tables, and how many rows there are."""
        with sqlite3.connect(self.home.databases / "trade.sqlite") as database:
            form = database.execute("PRAGMA user_version").fetchone()[0]
            return form, database.execute("SELECT count(*) FROM fills").fetchone()[0]

    def assert_whole(self, *allowed):
        """One version everywhere, trading as before, no row lost, nothing half done left behind."""
        version = self.folder.current()
        assert version in allowed
        assert self.says("--version") == f"cryptobot {version}"
        assert {one["version"] for one in self.platform.services().values()} == {version}
        assert self.platform.version() == version
        assert self.platform.read()["trading"] == "ACTIVE"
        assert self.form() == (1 if version == "1.0.0" else 2, 100)
        assert self.home.config_file.read_text() == "profile: paper\n"
        assert not self.folder.journal.exists()
        assert not (self.home.state / "update-trial").exists()
        return version


@pytest.fixture
def world(tmp_path, monkeypatch):
    """See World."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    return World(tmp_path).begin()


class Server:
    """Serves a folder on loopback, badly when told so.

    Attributes:
        cut: part of a path -> so many bytes are sent, then the connection breaks.
        instead: part of a path -> other bytes.
        endless: parts of paths whose files never end.
        ranges: whether parts of files are given.
    """

    def __init__(self, folder):
        self.folder = folder
        self.cut, self.instead, self.endless, self.ranges = {}, {}, set(), True
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                outer.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, handler):
        path = handler.path
        data = next((data for part, data in self.instead.items() if part in path), None)
        file = self.folder / path.lstrip("/")
        if data is None and not file.is_file():
            handler.send_error(404)
            return
        data = file.read_bytes() if data is None else data
        begin = 0
        wanted = handler.headers.get("Range", "")
        if wanted and self.ranges:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        if any(part in path for part in self.endless):
            self._never_end(handler)
            return
        handler.send_header("Content-Length", str(len(data) - begin))
        handler.end_headers()
        most = next((most for part, most in self.cut.items() if part in path), len(data))
        handler.wfile.write(data[begin : begin + most])
        handler.close_connection = True

    def _never_end(self, handler):
        handler.end_headers()
        try:
            for _ in range(4000):
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            handler.close_connection = True

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Signed:
    """A repository with version 2.0.0 on a loopback server, and a program folder that trusts its root."""

    def __init__(self, top):
        self.top = top
        self.keys = KeyFolder(top / "keys", b"")
        self.repository = Repository(top / "repository", self.keys)
        self.repository.begin()
        self.server = Server(top / "repository")
        self.folder = ProgramFolder(top / "program")
        write_program(top / "one", "0.0.1")
        lay_out(self.folder.root, top / "one", self.repository.first_root(), self.server.address)

    def publish(self, version="2.0.0", more=300_000, channel="stable"):
        """Sign a version as the newest."""
        from release import publish, system_name

        source = write_program(self.top / f"source-{version}", version, more=more)
        publish(self.repository, source, channel, system_name(), f"Notes of {version}")

    def check(self, channel="stable"):
        """As `update check` does, in this process."""
        from cryptobot.services.update.client import check

        return check(self.folder, self.server.address, channel)

    def download(self, told=lambda _progress: None):
        """As `update download` does."""
        from cryptobot.services.update.client import download

        return download(self.folder, self.server.address, "stable", told)

    def keep(self, name):
        """A copy of the repository as it is now."""
        shutil.copytree(self.top / "repository", self.top / name)
        return self.top / name

    def show(self, folder):
        """Serve another state of the repository."""
        self.server.folder = folder


@pytest.fixture
def signed(tmp_path, monkeypatch):
    """See Signed."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    made = Signed(tmp_path)
    made.publish()
    yield made
    made.server.close()
