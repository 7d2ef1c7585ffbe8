"""The auth service as a process, on the real bus: it survives kills, and no secret is ever written."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.auth import (
    AddUser,
    AuditEntry,
    AuditLog,
    AuditReport,
    CheckSession,
    ListAudit,
    Login,
    LoginResult,
    NewPassword,
    Session,
    VerifyAudit,
)
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Audit, Ping
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")


class Platform:
    """The bus and auth of one home, as processes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.bus: BlockingBus | None = None

    def start(self, name: str) -> None:
        """Spawn a service; its stderr goes to its log file, as under the supervisor."""
        with (self.home.logs / f"{name}.log").open("ab") as log:
            command = [
                sys.executable,
                "-m",
                "cryptobot",
                "--home",
                str(self.home.root),
                "service",
                "run",
                name,
            ]
            self.processes[name] = subprocess.Popen(command, stderr=log, stdout=log)

    def connect(self) -> BlockingBus:
        """A client of this test's own, once auth answers."""
        if self.bus is None:
            self.bus = BlockingBus.open(self.home, "test")
        self.bus.request("auth", Ping(), Done, timeout_s=60, tries=60)
        return self.bus

    def kill(self, name: str) -> None:
        """As a crash would."""
        process = self.processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        """End everything."""
        if self.bus is not None:
            self.bus.close()
        for process in reversed(self.processes.values()):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A home with the bus running; auth is started by the test."""
    home = Home(tmp_path / "h")
    home.create()
    snapshot.write(home, Settings())
    running = Platform(home)
    running.start("bus")
    yield running
    running.stop()


def audited(bus: BlockingBus, count: int) -> list[AuditEntry]:
    """The audit log, once it has so many entries."""
    deadline = time.monotonic() + 30
    while True:
        entries = bus.request("auth", ListAudit(), AuditLog, timeout_s=30).entries
        if len(entries) >= count or time.monotonic() > deadline:
            return entries
        os.sched_yield()


def login(bus: BlockingBus, user: str, password: str) -> LoginResult:
    """Log in over the bus."""
    return bus.request(
        "auth", Login(user=user, password=password, address="127.0.0.1"), LoginResult, timeout_s=30
    )


def test_a_kill_during_the_first_run_leaves_a_way_in(platform):
    """However early auth is killed, the next start has an admin whose password is in the file."""
    for moment_s in (0.2, 0.35, 0.5, 0.7):
        platform.start("auth")
        deadline = time.monotonic() + moment_s
        while time.monotonic() < deadline and not (platform.home.keys / "initial-password").exists():
            os.sched_yield()
        platform.kill("auth")
    platform.start("auth")
    bus = platform.connect()
    password = (platform.home.keys / "initial-password").read_text().strip()
    assert login(bus, "admin", password).code == ""


def test_sessions_survive_a_kill_of_auth(platform):
    """A session that was answered is on disk: after kill -9 and a new start the token is good."""
    platform.start("auth")
    bus = platform.connect()
    token = login(bus, "admin", (platform.home.keys / "initial-password").read_text().strip()).token
    platform.kill("auth")
    platform.start("auth")
    platform.connect()
    session = bus.request("auth", CheckSession(token=token), Session, timeout_s=30)
    assert session.user == "admin"


def test_the_audit_log_has_what_happened_while_auth_was_down(platform):
    """An event that another process published while auth was dead is in the log after its start, once."""
    platform.start("auth")
    bus = platform.connect()
    login(bus, "admin", "a wrong guess")
    assert audited(bus, 1)[-1].action == "login"
    platform.kill("auth")
    halt = Audit(kind="trading", actor="ann", action="halt", subject="all", detail="", ok=True)
    bus.publish(topics.audit("trading"), halt)
    platform.start("auth")
    platform.connect()
    login(bus, "admin", "another wrong guess")
    entries = audited(bus, 3)
    assert sorted(entry.action for entry in entries) == ["halt", "login", "login"]
    report = bus.request("auth", VerifyAudit(), AuditReport, timeout_s=30)
    assert (report.ok, report.entries) == (True, 3)


def test_no_secret_is_written_anywhere(platform):
    """Passwords, tokens and secrets that were used are in no file of the home but the one meant for them."""
    canaries = ["canary-vault-77f1c0", "canary-violet-harbour-49", "canary-wrong-guess-8a"]
    Vault(platform.home).set("binance.api_secret", Secret(canaries[0]))
    platform.start("auth")
    bus = platform.connect()
    admin = (platform.home.keys / "initial-password").read_text().strip()
    wish = AddUser(user="ann", role="viewer", actor="test", password=canaries[1])
    bus.request("auth", wish, NewPassword, timeout_s=30)
    token = login(bus, "ann", canaries[1]).token
    login(bus, "ann", canaries[2])
    bus.request("auth", CheckSession(token=token), Session, timeout_s=30)
    limits = Path(f"/proc/{platform.processes['auth'].pid}/limits")
    if limits.exists():
        assert re.search(r"Max core file size +[01] ", limits.read_text())
    platform.processes["auth"].send_signal(signal.SIGABRT)
    platform.processes["auth"].wait(10)
    platform.start("auth")
    platform.connect()
    platform.stop()
    assert Vault(platform.home).get("binance.api_secret").reveal() == canaries[0]
    for path in platform.home.root.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        for secret in (*canaries, token):
            assert secret.encode() not in content, path
        if path.name != "initial-password":
            assert admin.encode() not in content, path


def test_a_damaged_database_ends_with_78(platform):
    """Auth on a damaged database says so and exits with the code that a restart alone will not help."""
    (platform.home.databases / "auth.sqlite").write_bytes(b"this is no database" * 300)
    platform.start("auth")
    assert platform.processes["auth"].wait(60) == 78
    log = (platform.home.logs / "auth.log").read_text()
    assert "is damaged" in log
    assert "cryptobot db restore" in log
