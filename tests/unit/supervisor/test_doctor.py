"""The doctor: each check against its planted fault, and what it mends."""

import datetime
import os
import socket
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus import segments
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.dashboard import tls
from cryptobot.supervisor.doctor import finding, house, machine, running, stores
from cryptobot.supervisor.doctor.examine import CHECKS, examine
from cryptobot.supervisor.doctor.finding import FAULT, OK, WARNING, Finding, Instruments, Patient
from cryptobot.supervisor.start.lock import Lock

HEALTHY = Instruments(
    now=lambda: 1_795_000_000.0,
    free_disk=lambda path: 10**12,
    free_inodes=lambda path: 10**6,
    free_memory=lambda: 10**10,
    clock_error_s=lambda: 0.01,
    limit=lambda name: None,
    python=(3, 11, 4),
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plants faults with POSIX means")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that was made; it takes free ports."""
    one = Home(tmp_path / "home")
    one.create()
    one.config_file.write_text("dashboard: {port: 0}\n")
    return one


def _with(home: Home, **instruments: Any) -> Patient:
    return Patient(home, replace(HEALTHY, **instruments))


def _one(home: Home, check: str, *, fix: bool = False) -> Finding:
    return next(one for one in examine(home, fix=fix, instruments=HEALTHY) if one.check == check)


def test_a_new_home_is_healthy(home: Home) -> None:
    """No check finds a fault, and each has a name of its own."""
    findings = list(examine(home, instruments=HEALTHY))
    assert [one for one in findings if one.verdict == FAULT] == []
    assert len({one.check for one in findings}) == len(CHECKS)


@pytest.mark.parametrize(
    ("check", "instruments", "verdict", "said"),
    [
        (machine.python, {"python": (3, 9, 1)}, FAULT, "Python 3.9.1"),
        (machine.clock, {"now": lambda: 0.0}, FAULT, "1970-01-01"),
        (machine.clock, {"clock_error_s": lambda: float("inf")}, WARNING, "nothing keeps it right"),
        (machine.clock, {"clock_error_s": lambda: 7.0}, WARNING, "7.0 s wrong"),
        (machine.disk, {"free_disk": lambda path: 5_000_000}, FAULT, "0.0 GB free"),
        (machine.disk, {"free_disk": lambda path: 500_000_000}, WARNING, "0.5 GB free"),
        (machine.inodes, {"free_inodes": lambda path: 3}, FAULT, "Only 3 more files"),
        (machine.inodes, {"free_inodes": lambda path: None}, OK, "not limited"),
        (machine.memory, {"free_memory": lambda: 50_000_000}, FAULT, "0.1 GB"),
        (machine.memory, {"free_memory": lambda: 300_000_000}, WARNING, "0.3 GB"),
        (machine.limits, {"limit": lambda name: 64}, WARNING, "64 open files, 64 processes"),
    ],
)
def test_a_fault_of_the_machine_is_found_and_explained(
    home: Home, check: Callable[[Patient], Finding], instruments: dict[str, Any], verdict: str, said: str
) -> None:
    """What, why it matters and what to do; nothing to do when it is well."""
    found = check(_with(home, **instruments))
    assert (found.verdict, said in found.what) == (verdict, True), found
    assert bool(found.why) == bool(found.todo) == (verdict != OK)


def test_a_library_that_is_missing_or_too_old_is_named() -> None:
    """Markers of other systems do not count."""
    assert machine.fault_of("no-such-library>=1") == "no-such-library is missing"
    assert "is older than 999" in machine.fault_of("pytest>=999")
    assert machine.fault_of("pytest>=1.0") == ""
    assert machine.fault_of('no-such-library>=1; sys_platform == "win32"') == ""


def test_the_real_instruments_answer() -> None:
    """On this machine, whatever they say."""
    real = Instruments()
    assert real.free_disk(Path("/")) >= 0
    assert real.limit("nofile") != 0
    error_s = real.clock_error_s()
    assert error_s is None or error_s >= 0
    assert finding.Patient(Home(Path("/nowhere/at/all"))).existing == Path("/")


def test_what_others_may_read_is_closed(home: Home) -> None:
    """Keys above all; certificates are public."""
    key, settings = home.keys / "dashboard.key", home.config_file
    key.write_text("secret")
    (home.keys / "ca.crt").write_text("public")
    settings.write_text("")
    key.chmod(0o644)
    settings.chmod(0o666)
    home.state.chmod(0o755)
    found = house.permissions(_with(home))
    assert found.verdict == FAULT
    assert all(word in found.what for word in ("keys/dashboard.key", "config.yaml", "state"))
    mended = _one(home, "permissions", fix=True)
    assert (mended.verdict, "closed" in mended.mended) == (OK, True)
    assert [path.stat().st_mode & 0o777 for path in (key, settings, home.state)] == [0o600, 0o644, 0o700]


def test_a_home_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "home").write_text("")
    found = house.folder(_with(Home(tmp_path / "home")))
    assert found.verdict == FAULT
    assert "cannot be written" in found.what


def test_broken_settings_are_told_with_their_line(home: Home) -> None:
    """They are a person's to mend."""
    home.config_file.write_text("trade: 7\n")
    assert house.settings(_with(home)).verdict == FAULT
    assert _one(home, "settings", fix=True).mended == ""


def test_damaged_settings_in_force_are_written_anew(home: Home) -> None:
    """From config.yaml."""
    (home.run / "settings.json").write_text("{")
    assert house.in_force(_with(home)).verdict == FAULT
    assert _one(home, "settings in force", fix=True).mended.startswith("wrote run/settings.json")
    assert snapshot.read(home).profile == Settings().profile


def test_a_certificate_that_has_ended_is_put_aside(home: Home) -> None:
    """The next start makes a new one; others' certificates are left alone."""
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    tls.ensure(home, tls.LOOPBACK_NAMES, now=long_ago)
    found = _one(home, "certificates")
    assert found.verdict == FAULT
    assert "dashboard.crt ended" in found.what
    mended = _one(home, "certificates", fix=True)
    assert mended.verdict == OK
    assert "put dashboard.crt aside" in mended.mended
    assert (home.keys / "dashboard.crt.old").exists()


def test_a_certificate_that_cannot_be_read_is_a_fault(home: Home) -> None:
    """Half of one, after a full disk."""
    (home.keys / "dashboard.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    found = house.certificates(_with(home))
    assert (found.verdict, found.what) == (FAULT, "dashboard.crt cannot be read")


def test_a_secret_that_is_due_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name only."""
    from cryptobot.configs import vault

    class Due:
        name, due = "binance.api_key", True

    monkeypatch.setattr(vault.Vault, "names", lambda self: [Due()])
    found = house.secrets(_with(home))
    assert (found.verdict, "binance.api_key" in found.what) == (WARNING, True)


def test_sockets_and_addresses_that_a_crash_left_are_removed(home: Home) -> None:
    """A socket with a listener stays."""
    dead, datagram, alive = (home.sockets / name for name in ("data.sock", "notify.sock", "x.sock"))
    for path, kind in ((dead, socket.SOCK_STREAM), (datagram, socket.SOCK_DGRAM)):
        with socket.socket(socket.AF_UNIX, kind) as one:
            one.bind(str(path))
    (home.run / "connection.json").write_text("{}")
    half = home.state / "x.tmp"
    half.write_text("")
    os.utime(half, (1, 1))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(alive))
        listening.listen()
        found = house.leftovers(_with(home))
        assert found.verdict == WARNING
        assert found.what.endswith("data.sock, notify.sock, connection.json, x.tmp")
        assert _one(home, "leftovers", fix=True).verdict == OK
    assert [path.exists() for path in (dead, datagram, alive, half)] == [False, False, True, False]


def test_a_lock_whose_holder_does_not_answer_names_the_process(home: Home) -> None:
    """Nothing is ended without being asked."""
    held = Lock(home)
    held.take()
    try:
        found = _one(home, "lock", fix=True)
    finally:
        held.release()
    assert found.verdict == FAULT
    assert f"Process {os.getpid()} holds" in found.what
    assert f"kill -9 {os.getpid()}" in found.todo
    assert _one(home, "lock").verdict == OK


def test_services_without_a_supervisor_are_told(home: Home) -> None:
    """They are not ended: the next supervisor takes them over."""
    patient = _with(home)
    patient.__dict__["orphans"] = ["trade"]
    found = running.orphans(patient)
    assert (found.verdict, "trade" in found.what) == (FAULT, True)
    assert "up -d" in found.todo


def test_a_port_that_is_taken_is_told_with_its_setting(home: Home) -> None:
    """And how a free one is had."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        home.config_file.write_text(f"dashboard:\n  port: {number}\n")
        found = running.ports(_with(home))
    assert (found.verdict, str(number) in found.what) == (FAULT, True)
    assert "config set dashboard.port 0" in found.todo


def test_services_that_are_ill_are_told_with_their_reason(home: Home) -> None:
    """From the supervisor's own status."""
    patient = _with(home)
    ill = {"name": "paper", "state": "FATAL", "reason": "disk"}
    patient.__dict__["status"] = {"supervisor": {"pid": 1}, "services": [ill]}
    found = running.platform(patient)
    assert (found.verdict, found.what) == (FAULT, "paper FATAL (disk)")


def _database(path: Path, version: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE schema_version (version INTEGER, name TEXT, applied_ms INTEGER)")
        database.execute("INSERT INTO schema_version VALUES (?, 'x', 0)", (version,))
        database.execute("CREATE TABLE filler AS SELECT 1 AS a")
        database.executemany("INSERT INTO filler VALUES (?)", [(number,) for number in range(5000)])
    database.close()


def test_a_database_of_a_newer_program_is_told(home: Home) -> None:
    """With both versions; one of today is sound."""
    _database(home.databases / "monitor.sqlite", 99)
    found = stores.databases(_with(home))
    assert (found.verdict, "monitor.sqlite has version 99" in found.what) == (FAULT, True)
    (home.databases / "monitor.sqlite").unlink()
    _database(home.databases / "monitor.sqlite", 1)
    assert stores.databases(_with(home)).verdict == OK


def test_a_damaged_database_is_told_and_left_as_it_is(home: Home) -> None:
    """Pages full of nonsense."""
    path = home.databases / "monitor.sqlite"
    _database(path, 1)
    data = bytearray(path.read_bytes())
    data[4096:20480] = b"\xff" * 16384
    path.write_bytes(data)
    found = stores.databases(_with(home))
    assert (found.verdict, "monitor.sqlite is damaged" in found.what) == (FAULT, True)
    assert path.read_bytes() == data


def test_a_torn_journal_is_cut_and_what_is_no_segment_is_put_aside(home: Home) -> None:
    """Whole messages stay."""
    whole = segments.MAGIC + segments.record(b"one")
    torn = home.journal / "outbox" / "trade" / "0000000000000001.seg"
    strange = home.journal / "stream" / "0000000000000002.seg"
    for path, data in ((torn, whole + b"\x09\x00\x00\x00half"), (strange, b"nonsense that is no segment")):
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    assert stores.journals(_with(home)).verdict == FAULT
    mended = _one(home, "journals", fix=True)
    assert mended.verdict == OK
    assert torn.read_bytes() == whole
    assert strange.with_name(f"{strange.name}.damaged").exists()
    torn.write_bytes(whole + b"\x00")
    assert stores.journals(_with(home)).verdict == WARNING


def test_a_check_that_breaks_is_a_fault_of_its_own(home: Home) -> None:
    """The others are carried out."""

    def broken(_path: Path) -> int:
        raise RuntimeError("odd")

    findings = list(examine(home, instruments=replace(HEALTHY, free_disk=broken)))
    assert len(findings) == len(CHECKS)
    found = next(one for one in findings if one.check == "disk")
    assert (found.verdict, "RuntimeError: odd" in found.what) == (FAULT, True)
