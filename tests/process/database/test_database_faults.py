"""What a database must survive: kills at any moment, many writers, damage, wrong keys, full disks."""

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.configs.vault import Vault
from cryptobot.services.database.backup import backup_folder, make_backup, prune, read_note, restore_file
from cryptobot.services.database.errors import DatabaseAccessError, DatabaseBrokenError
from cryptobot.services.database.fields import CharField, DecimalField, IntegerField, Model, exact_sum
from cryptobot.services.database.migrations import Migration, add_column, create_tables
from cryptobot.services.database.store import open_database
from cryptobot.services.database.target import FileTarget

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills by signal")
FORK = multiprocessing.get_context("fork") if sys.platform != "win32" else None


class EntryRow(Model):
    """One booking."""

    id = CharField(max_length=64, primary_key=True)
    amount = DecimalField()
    batch = IntegerField(null=True)

    class Meta:
        table_name = "entries"


FIRST = Migration(1, "entries", (create_tables(EntryRow),))


@pytest.fixture
def home(tmp_path):
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def open_entries(home, *, encrypted=False, migrations=(FIRST,)):
    """The database of the tests."""
    settings = DatabaseSettings(encrypted=encrypted)
    return open_database(home, "tests", models=[EntryRow], migrations=migrations, settings=settings)


def book(count, prefix="e"):
    """Some rows in one transaction."""
    rows = [{"id": f"{prefix}{number}", "amount": Decimal("1E-8")} for number in range(count)]
    for start in range(0, count, 300):
        EntryRow.insert_many(rows[start : start + 300]).execute()


def killed_at_moments(target, arguments, moments):
    """Start `target` in a child for each moment, kill it then, and yield."""
    for moment_s in moments:
        child = FORK.Process(target=target, args=arguments)
        child.start()
        child.join(moment_s)
        child.kill()
        child.join(10)
        yield


def _write(root, name, until, results):
    database = open_entries(Home(root))
    written = 0
    while time.monotonic() < until:
        with database.transaction():
            EntryRow.create(id=f"{name}-{written}", amount=Decimal("0.1"))
            EntryRow.update(batch=written).where(EntryRow.id == f"{name}-0").execute()
        written += 1
    database.close()
    results.put((name, written))


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_eight_writers_never_see_a_locked_database(home, seconds):
    """Eight processes write at once: none fails, none starves, no row is lost."""
    open_entries(home).close()
    results = FORK.Queue()
    until = time.monotonic() + seconds
    writers = [FORK.Process(target=_write, args=(home.root, f"w{n}", until, results)) for n in range(8)]
    for writer in writers:
        writer.start()
    written = dict(results.get(timeout=seconds + 60) for _ in writers)
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    database = open_entries(home)
    assert EntryRow.select().count() == sum(written.values())
    assert min(written.values()) > 0
    database.close()


def _book_for_ever(root):
    open_entries(Home(root))
    prefix = f"k{os.getpid()}-"
    number = 0
    while True:
        with EntryRow._meta.database.atomic("IMMEDIATE"):
            EntryRow.create(id=f"{prefix}{number}", amount=1, batch=number)
            EntryRow.create(id=f"{prefix}{number}-counter", amount=-1, batch=number)
        number += 1


def test_kill_while_writing_leaves_whole_transactions(home):
    """After any kill the bookings sum to zero and the file is sound."""
    for _ in killed_at_moments(_book_for_ever, (home.root,), [0.15 + 0.03 * n for n in range(6)]):
        database = open_entries(home)
        assert exact_sum(row.amount for row in EntryRow.select()) == 0
        assert database.query("PRAGMA integrity_check") == [("ok",)]
        database.close()


def _slow_step(engine):
    for number in range(2000):
        engine.execute_sql("UPDATE entries SET batch = ? WHERE id = ?", (number, f"e{number}"))


SECOND = Migration(2, "batches", (add_column(EntryRow.batch), _slow_step))


def _migrate(root):
    open_entries(Home(root), migrations=(FIRST, SECOND)).close()


def test_kill_during_a_migration_is_resumed(home):
    """A migration killed at any step is finished by the next start; no row is lost, a backup is there."""
    database = open_entries(home)
    book(2000)
    database.query("ALTER TABLE entries DROP COLUMN batch")
    database.close()
    for _ in killed_at_moments(_migrate, (home.root,), [0.02 * n for n in range(1, 10)]):
        pass
    database = open_entries(home, migrations=(FIRST, SECOND))
    assert EntryRow.select().where(EntryRow.batch.is_null()).count() == 0
    assert EntryRow.select().count() == 2000
    database.close()
    assert list(backup_folder(home).glob("tests-v1-*.sqlite"))


def _back_up(root, encrypted):
    home = Home(root)
    database = open_entries(home, encrypted=encrypted)
    while True:
        make_backup(home, "tests", database.engine, backup_folder(home), reason="test")


@pytest.mark.parametrize("encrypted", [False, True])
def test_kill_during_a_backup_leaves_only_whole_backups(home, encrypted):
    """Every backup that has its note can be restored, however often the maker was killed."""
    database = open_entries(home, encrypted=encrypted)
    book(3000)
    database.close()
    for _ in killed_at_moments(_back_up, (home.root, encrypted), [0.2 + 0.05 * n for n in range(5)]):
        pass
    target = FileTarget(home.databases / "tests.sqlite", encrypted)
    whole = [
        path for path in backup_folder(home).glob("tests-*.sqlite") if path.with_suffix(".json").exists()
    ]
    assert whole
    for path in (whole[0], whole[-1]):
        restore_file(home, path, target)
        database = open_entries(home, encrypted=encrypted)
        assert EntryRow.select().count() == 3000
        database.close()


def _encrypt_and_back(root):
    while True:
        open_entries(Home(root), encrypted=True).close()
        subprocess.run(
            [sys.executable, "-m", "cryptobot.services.database.command", str(root), "convert", "--plain"],
            env={**os.environ, "CRYPTOBOT__DATABASE__ENCRYPTED": "true"},
            check=False,
            capture_output=True,
        )


def test_kill_during_encryption_leaves_one_whole_file(home):
    """A file that is being encrypted is, after any kill, the plain one or the encrypted one."""
    pytest.importorskip("sqlcipher3")
    database = open_entries(home)
    book(5000)
    database.close()
    for _ in killed_at_moments(_encrypt_and_back, (home.root,), [0.02 * n for n in range(1, 9)]):
        database = open_entries(home, encrypted=True)
        assert EntryRow.select().count() == 5000
        database.close()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "cryptobot.services.database.command",
                str(home.root),
                "convert",
                "--plain",
            ],
            env={**os.environ, "CRYPTOBOT__DATABASE__ENCRYPTED": "true"},
            check=True,
            capture_output=True,
        )


def test_an_encrypted_file_shows_nothing(home):
    """No text of a row can be found in an encrypted file; a plain file is converted at the next start."""
    pytest.importorskip("sqlcipher3")
    database = open_entries(home)
    EntryRow.create(id="canary-in-a-row", amount=1)
    database.close()
    path = home.databases / "tests.sqlite"
    assert b"canary-in-a-row" in path.read_bytes()
    database = open_entries(home, encrypted=True)
    assert EntryRow.get_by_id("canary-in-a-row").amount == 1
    database.close()
    assert all(b"canary" not in file.read_bytes() for file in home.databases.iterdir())


def test_a_wrong_key_is_told(home):
    """Without its key an encrypted file cannot be opened, and it is not touched."""
    pytest.importorskip("sqlcipher3")
    open_entries(home, encrypted=True).close()
    before = (home.databases / "tests.sqlite").read_bytes()
    with pytest.raises(DatabaseAccessError, match=r"database\.encrypted is false"):
        open_entries(home)
    Vault(home).remove("database.key")
    with pytest.raises(DatabaseAccessError, match="the key is wrong"):
        open_entries(home, encrypted=True)
    assert (home.databases / "tests.sqlite").read_bytes() == before


@pytest.mark.parametrize("damage", ["header", "middle", "text"])
def test_a_damaged_file_is_told_and_not_touched(home, damage):
    """Damage is found when the file is opened; the error says what to do, and the file stays as it is."""
    database = open_entries(home)
    book(3000)
    database.query("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    path = home.databases / "tests.sqlite"
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = b"x" * 16
    elif damage == "middle":
        data[8192:20480] = os.urandom(12288)
    else:
        data = bytearray(b"this is no database, but it is long enough to be one" * 100)
    path.write_bytes(data)
    with pytest.raises(DatabaseBrokenError, match=r"is damaged .*cryptobot db restore"):
        open_entries(home)
    assert path.read_bytes() == bytes(data)


def test_a_full_disk_ends_a_transaction_and_damages_nothing(home):
    """When the file cannot grow, the transaction fails with a sentence and the rows before it are whole."""
    script = (
        "import resource, sys, decimal\n"
        "from cryptobot.configs.paths import Home\n"
        "from pathlib import Path\n"
        "import importlib.util\n"
        "spec = importlib.util.spec_from_file_location('faults', sys.argv[2])\n"
        "faults = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(faults)\n"
        "database = faults.open_entries(Home(Path(sys.argv[1])))\n"
        "faults.book(100, 'first')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try:\n"
        "    with database.transaction():\n"
        "        faults.book(100_000, 'second')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    arguments = [sys.executable, "-c", script, str(home.root), __file__]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    assert "full" in done.stdout or "disk I/O" in done.stdout, done.stderr
    database = open_entries(home)
    assert EntryRow.select().count() == 100
    database.close()


def test_a_folder_that_cannot_be_made_is_told(home):
    """Where the folder of the databases cannot be, the error says why."""
    home.databases.rmdir()
    home.databases.write_text("a file in the way")
    with pytest.raises(DatabaseAccessError, match="cannot be opened: File exists"):
        open_entries(home)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_disk_is_told(home):
    """A folder that cannot be written gives a sentence, not a traceback."""
    home.databases.chmod(0o500)
    try:
        with pytest.raises(DatabaseAccessError, match="cannot be opened"):
            open_entries(home)
    finally:
        home.databases.chmod(0o700)


def test_damaged_backups_are_refused(home):
    """A backup that is not what its note says is not restored, and the database stays."""
    database = open_entries(home)
    book(10)
    path = make_backup(home, "tests", database.engine, backup_folder(home), reason="test")
    book(5, "later")
    database.close()
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatabaseBrokenError, match="not what its note says"):
        restore_file(home, path, FileTarget(home.databases / "tests.sqlite", False))
    database = open_entries(home)
    assert EntryRow.select().count() == 15
    database.close()


def test_a_restore_can_be_undone(home):
    """The file from before a restore is kept beside it, with everything that was in its write-ahead log."""
    database = open_entries(home)
    book(10)
    path = make_backup(home, "tests", database.engine, backup_folder(home), reason="test")
    book(5, "later")
    database.close()
    assert read_note(path).version == 1
    old = restore_file(home, path, FileTarget(home.databases / "tests.sqlite", False))
    database = open_entries(home)
    assert EntryRow.select().count() == 10
    database.close()
    with sqlite3.connect(old) as before:
        assert before.execute("SELECT count(*) FROM entries").fetchone() == (15,)


def test_a_database_in_use_is_not_restored(home):
    """Somebody who has the file open is not robbed of it."""
    database = open_entries(home)
    book(10)
    path = make_backup(home, "tests", database.engine, backup_folder(home), reason="test")
    with database.transaction(), pytest.raises(DatabaseAccessError, match="stop the platform first"):
        restore_file(home, path, FileTarget(home.databases / "tests.sqlite", False))
    database.close()


def test_only_the_newest_backups_are_kept(home):
    """Pruning removes the oldest, with their notes."""
    database = open_entries(home)
    made = [make_backup(home, "tests", database.engine, backup_folder(home), reason=str(n)) for n in range(4)]
    assert prune(backup_folder(home), "tests", 2) == made[:2]
    assert sorted(path.suffix for path in backup_folder(home).iterdir()) == [
        ".json",
        ".json",
        ".sqlite",
        ".sqlite",
    ]
    database.close()


def test_a_migration_that_fails_on_the_copy_changes_nothing(home):
    """Migrations are tried on a copy first; the error names the migration, and the database is as before."""
    database = open_entries(home)
    book(3)
    database.close()

    def broken(_engine):
        raise RuntimeError("unexpected row")

    with pytest.raises(DatabaseAccessError, match=r"migration 2 \(broken\) failed on a copy"):
        open_entries(home, migrations=(FIRST, Migration(2, "broken", (broken,))))
    database = open_entries(home)
    assert EntryRow.select().count() == 3
    database.close()


def test_the_command_prints_json_and_exit_codes(home):
    """`db check` and `db backup` answer in JSON; wrong use is 2."""

    def run(*arguments):
        command = [sys.executable, "-m", "cryptobot.services.database.command", str(home.root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert run("check", "--owner", "nobody").returncode == 2
    assert json.loads(run("--json", "check").stdout) == []
    assert run("convert").returncode == 2
    done = run("restore", str(Path(home.root) / "missing.sqlite"))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
