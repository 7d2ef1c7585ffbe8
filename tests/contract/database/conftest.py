"""Real databases of every kind: files, and servers started in temporary folders by an unprivileged user."""

import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
from cryptobot.services.database.connect import connect
from cryptobot.services.database.fields import Model
from cryptobot.services.database.migrations import Migration
from cryptobot.services.database.store import Database, open_database
from cryptobot.services.database.target import target_of

PASSWORD = "a password of the tests"
ENGINES = ("sqlite", "sqlcipher", "postgresql", "mariadb")
_UNPRIVILEGED = "nobody"


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A database server of the tests."""

    kind: str
    folder: Path
    port: int
    command: list[str]
    is_up: Callable[["Server"], bool]
    process: subprocess.Popen[bytes] | None = None
    places: int = field(default=0)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=self.folder, **as_nobody()
            )
        deadline = time.monotonic() + 60
        while not self.is_up(self):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as a power cut would: nothing is written, the next start recovers."""
        if self.process is not None:
            # PostgreSQL's children outlive a killed parent for a moment; SIGQUIT is its immediate shutdown.
            self.process.send_signal(signal.SIGQUIT if self.kind == "postgresql" else signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def url(self, **options: str) -> str:
        """The URL of its database."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return f"{self.kind}://cryptobot@127.0.0.1:{self.port}/cryptobot?{query}"


def as_nobody() -> dict[str, object]:
    """Arguments for a child that must not run as root."""
    if os.name == "posix" and os.geteuid() == 0:
        return {"user": _UNPRIVILEGED, "group": "nogroup"}
    return {}


def give_away(folder: Path) -> None:
    """Let the unprivileged user own a folder."""
    if as_nobody():
        shutil.chown(folder, _UNPRIVILEGED, "nogroup")


def find_program(*names: str) -> str:
    """The path of the first program that is there; "" when none is."""
    folders = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        Path("/usr/sbin"),
        Path("/usr/bin"),
    ]
    for name in names:
        for folder in folders:
            if (folder / name).exists():
                return str(folder / name)
        if found := shutil.which(name):
            return found
    return ""


def absent(reason: str) -> None:
    """Skip where a server is missing, but never in CI."""
    if os.environ.get("CI") == "true" and sys.platform == "linux":
        pytest.fail(f"{reason}; CI must install it")
    pytest.skip(reason)


def make_postgresql(folder: Path) -> Server:
    """A PostgreSQL cluster in a folder; not started."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if not initdb or importlib.util.find_spec("psycopg") is None:
        absent("PostgreSQL's server or the package psycopg is not installed")
    give_away(folder)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    arguments = [
        "-U",
        "cryptobot",
        "--auth=scram-sha-256",
        "--pwfile",
        str(folder / "password"),
        "-E",
        "UTF8",
    ]
    subprocess.run(
        [initdb, "-D", str(folder / "data"), *arguments], check=True, capture_output=True, **as_nobody()
    )
    port = free_port()
    command = [postgres, "-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-c", "max_connections=40"]
    return Server("postgresql", folder, port, command, _postgresql_answers)


def _postgresql_answers(server: Server) -> bool:
    import psycopg

    where = {"host": "127.0.0.1", "port": server.port, "user": "cryptobot", "password": PASSWORD}
    try:
        with psycopg.connect(dbname="postgres", autocommit=True, connect_timeout=5, **where) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'cryptobot'").fetchone():
                connection.execute("CREATE DATABASE cryptobot")
    except psycopg.OperationalError:
        return False
    return True


def make_mariadb(folder: Path) -> Server:
    """A MariaDB data folder; not started."""
    install, daemon = find_program("mariadb-install-db"), find_program("mariadbd", "mysqld")
    if not install or not daemon or importlib.util.find_spec("pymysql") is None:
        absent("MariaDB's server or the package PyMySQL is not installed")
    give_away(folder)
    data = f"--datadir={folder / 'data'}"
    # Small and in its own folder: several workers may install at the same moment.
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", f"--tmpdir={folder}"]
    options += ["--innodb-buffer-pool-size=16M", "--skip-name-resolve"]
    done = subprocess.run(
        [install, "--no-defaults", data, *options], check=False, capture_output=True, text=True, **as_nobody()
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    port = free_port()
    command = [daemon, "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"]
    command += [
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        "--innodb-flush-method=fsync",
    ]
    command += ["--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=1"]
    return Server("mariadb", folder, port, command, _mariadb_answers)


def _mariadb_answers(server: Server) -> bool:
    import pymysql

    try:
        connection = pymysql.connect(unix_socket=str(server.folder / "socket"), user="root", autocommit=True)
    except pymysql.err.OperationalError:
        return False
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS cryptobot@'127.0.0.1' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute("GRANT ALL ON `cryptobot\\_%`.* TO cryptobot@'127.0.0.1'")
    return True


_MAKERS = {"postgresql": make_postgresql, "mariadb": make_mariadb}


@pytest.fixture(scope="session")
def running_server() -> Iterator[Callable[[str], Server]]:
    """Starts a server of a kind once for all tests of this process."""
    servers: dict[str, Server] = {}

    def start(kind: str) -> Server:
        if kind not in servers:
            # Not tmp_path: its folders are closed to the unprivileged user.
            folder = Path(tempfile.mkdtemp(prefix=f"cryptobot-{kind}-"))
            folder.chmod(0o755)
            servers[kind] = _MAKERS[kind](folder)
            servers[kind].start()
        return servers[kind]

    yield start
    for server in servers.values():
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@dataclass
class Place:
    """A home with its database settings on one engine; every place is empty at first."""

    engine: str
    home: Home
    settings: DatabaseSettings
    owner: str
    server: Server | None = None

    def connect(self) -> object:
        """An engine of this place, without looking at what is in it."""
        return connect(self.home, target_of(self.home, self.owner, self.settings), "FULL")

    def open(self, models: Sequence[type[Model]], migrations: Sequence[Migration] = ()) -> Database:
        """Open this place's database with these tables."""
        return open_database(
            self.home,
            self.owner,
            models=models,
            migrations=migrations,
            synchronous="FULL",
            settings=self.settings,
        )


def place_on(engine: str, tmp_path: Path, running_server: Callable[[str], Server], owner: str = "") -> Place:
    """A new place on an engine."""
    home = Home(tmp_path / f"home-{engine}")
    home.create()
    if engine in ("sqlite", "sqlcipher"):
        if engine == "sqlcipher" and importlib.util.find_spec("sqlcipher3") is None:
            absent("the package sqlcipher3 is not installed")
        return Place(engine, home, DatabaseSettings(encrypted=engine == "sqlcipher"), owner or "tests")
    server = running_server(engine)
    server.places += 1
    Vault(home).set("database.password", Secret(PASSWORD))
    return Place(engine, home, DatabaseSettings(url=server.url()), owner or f"tests{server.places}", server)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, running_server: Callable[[str], Server]) -> Place:
    """An empty place on each engine in turn."""
    return place_on(request.param, tmp_path, running_server)


@pytest.fixture
def place_maker(tmp_path: Path, running_server: Callable[[str], Server]) -> Callable[..., Place]:
    """Makes empty places on an engine; a second argument is a server of one's own."""
    count = itertools.count()

    def make(engine: str, server: Server | None = None) -> Place:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        return place_on(engine, folder, running_server if server is None else lambda _kind: server)

    return make


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """Starts a server that the test may stop; `before` prepares its folder and switches TLS on."""
    servers: list[Server] = []

    def start(kind: str, before: Callable[[Path], None] | None = None) -> Server:
        folder = Path(tempfile.mkdtemp(prefix=f"cryptobot-own-{kind}-"))
        folder.chmod(0o755)
        server = _MAKERS[kind](folder)
        servers.append(server)
        if before is not None:
            before(folder)
            _switch_tls_on(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def _switch_tls_on(server: Server) -> None:
    certificate, key = server.folder / "server.crt", server.folder / "server.key"
    key.chmod(0o600)
    give_away(key)
    if server.kind == "postgresql":
        server.command += ["-c", "ssl=on", "-c", f"ssl_cert_file={certificate}", "-c", f"ssl_key_file={key}"]
    else:
        server.command += [f"--ssl-cert={certificate}", f"--ssl-key={key}"]
