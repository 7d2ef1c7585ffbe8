"""`kill -9` at every single line of what changes settings, secrets and databases: nothing is half done.

A child carries out the work and kills itself when it reaches the n-th line of our code that it had not
reached before; n counts up until the work gets through.
"""

import importlib.util
import os
import shutil
import signal
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot import configs
from cryptobot.configs import edit, history
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
from cryptobot.services import database as room
from cryptobot.services.database import cipher
from cryptobot.services.database.backup import backup_folder, make_backup, read_note, restore_file
from cryptobot.services.database.connect import database_key
from cryptobot.services.database.fields import CharField, DecimalField, IntegerField, Model
from cryptobot.services.database.migrations import Migration, add_column, create_tables
from cryptobot.services.database.store import open_database
from cryptobot.services.database.target import FileTarget

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills by signal")
SETTINGS_CODE = str(Path(configs.__file__).parent)
DATABASE_CODE = str(Path(room.__file__).parent)
MOST_LINES = 2000


def killed_at_each_line(work, folder, *, every=1):
    """Run `work` in a child, killed at its n-th new line in `folder`, for n = 1, 2, …; yield after each.

    Args:
        every: kill at every so-manieth line only.
    """
    for number in range(1, MOST_LINES, every):
        child = os.fork()
        if child == 0:
            _work_until_line(work, folder, number)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            assert number > 20, "the work was hardly watched"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield number
    raise AssertionError(f"the work has more than {MOST_LINES} lines")


def _work_until_line(work, folder, number):
    seen = set()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) >= number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    code = 1
    try:
        sys.settrace(trace)
        work()
        code = 0
    finally:
        sys.settrace(None)
        os._exit(code)


@pytest.fixture
def home(tmp_path):
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_set_killed_anywhere(home):
    """The file is the old or the new one, the history can be verified and knows the file's text."""
    edit.set_values(home, {"trade.max_open_orders": "5"}, actor="before")

    def change():
        edit.set_values(home, {"trade.max_open_orders": "6"}, actor="ann")

    for _ in killed_at_each_line(change, SETTINGS_CODE, every=5):
        assert load(home, (), {}).settings.trade.max_open_orders in (5, 6)
        assert history.history(home)[-1].text == home.config_file.read_text()
        edit.set_values(home, {"trade.max_open_orders": "5"}, actor="again")
    assert load(home, (), {}).settings.trade.max_open_orders == 6


def test_rotation_killed_anywhere(home):
    """Every secret can be read, whatever master key is in force."""
    vault = Vault(home, environ={})
    for number in range(3):
        vault.set(f"s{number}", Secret(f"canary-{number}"))
    for _ in killed_at_each_line(vault.rotate_master, SETTINGS_CODE):
        fresh = Vault(home, environ={})
        assert [fresh.get(f"s{number}").reveal() for number in range(3)] == [f"canary-{n}" for n in range(3)]


def test_a_new_value_of_a_secret_killed_anywhere(home):
    """The secret is the old or the new one, never none."""
    vault = Vault(home, environ={})
    vault.set("a", Secret("old-value"))
    for _ in killed_at_each_line(lambda: vault.set("a", Secret("new-value")), SETTINGS_CODE):
        assert Vault(home, environ={}).get("a").reveal() in ("old-value", "new-value")
        vault.set("a", Secret("old-value"))


class EntryRow(Model):
    """One booking."""

    id = CharField(max_length=64, primary_key=True)
    amount = DecimalField()
    batch = IntegerField(null=True)

    class Meta:
        table_name = "entries"


class OldEntryRow(Model):
    """The booking before migration 2."""

    id = CharField(max_length=64, primary_key=True)
    amount = DecimalField()

    class Meta:
        table_name = "entries"


def opened(home, migrations, *, encrypted=False, model=EntryRow):
    """The database of the tests."""
    settings = DatabaseSettings(encrypted=encrypted)
    return open_database(home, "tests", models=[model], migrations=migrations, settings=settings)


FIRST = Migration(1, "entries", (create_tables(OldEntryRow),))
SECOND = Migration(2, "batch", (add_column(EntryRow.batch),))
THIRD = Migration(3, "batch again", (create_tables(EntryRow),))
ALL = (FIRST, SECOND, THIRD)


@pytest.fixture
def filled(home):
    """A home with a small database of version 1, closed; its file is kept beside it."""
    database = opened(home, (FIRST,), model=OldEntryRow)
    for number in range(20):
        OldEntryRow.create(id=f"e{number}", amount=Decimal("1E-8"))
    database.query("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    shutil.copy(home.databases / "tests.sqlite", home.root / "as-it-was")
    return home


def back_to_version_1(home):
    """The file as it was before any migration; nothing else in the folder."""
    for path in home.databases.iterdir():
        path.unlink()
    shutil.copy(home.root / "as-it-was", home.databases / "tests.sqlite")


def rows(database):
    """Count of the rows, all of which can be read."""
    return len([row.amount for row in EntryRow.select()])


@pytest.mark.slow
def test_migration_killed_anywhere(filled):
    """The next start finishes it; no row is lost."""
    for _ in killed_at_each_line(lambda: opened(filled, ALL).close(), DATABASE_CODE):
        database = opened(filled, ALL)
        assert rows(database) == 20
        assert database.pending(ALL) == []
        database.close()
        back_to_version_1(filled)


@pytest.mark.slow
@pytest.mark.parametrize("encrypted", [False, True])
def test_backup_killed_anywhere(filled, encrypted):
    """What has a note is whole; what is not whole has none; the next backup works."""
    if encrypted and importlib.util.find_spec("sqlcipher3") is None:
        pytest.skip("the package sqlcipher3 is not installed")
    opened(filled, ALL, encrypted=encrypted).close()
    folder = backup_folder(filled)

    def back_up():
        database = opened(filled, ALL, encrypted=encrypted)
        make_backup(filled, "tests", database.engine, folder, reason="test")
        database.close()

    for _ in killed_at_each_line(back_up, DATABASE_CODE):
        for note in folder.glob("*.json"):
            found = read_note(note.with_suffix(".sqlite"))
            assert found.version == (3 if found.reason == "test" else 1)
            note.unlink()
    database = opened(filled, ALL, encrypted=encrypted)
    assert rows(database) == 20
    database.close()


@pytest.mark.slow
def test_restore_killed_anywhere(filled):
    """The database is the one from before or the restored one, whole in either case."""
    database = opened(filled, ALL)
    path = make_backup(filled, "tests", database.engine, backup_folder(filled), reason="test")
    EntryRow.create(id="later", amount=1)
    database.close()
    target = FileTarget(filled.databases / "tests.sqlite", False)
    for _ in killed_at_each_line(lambda: restore_file(filled, path, target), DATABASE_CODE):
        database = opened(filled, ALL)
        assert rows(database) in (20, 21)
        database.close()


@pytest.mark.parametrize("towards", ["encrypted", "plain"])
def test_conversion_killed_anywhere(filled, towards):
    """One whole file is there after any kill, plain or encrypted, and the conversion can be repeated."""
    pytest.importorskip("sqlcipher3")
    path, key = filled.databases / "tests.sqlite", database_key(filled)
    opened(filled, ALL).close()
    if towards == "plain":
        cipher.encrypt_file(path, key)
    convert, undo = cipher.encrypt_file, cipher.decrypt_file
    if towards == "plain":
        convert, undo = undo, convert
    for _ in killed_at_each_line(lambda: convert(path, key), DATABASE_CODE):
        database = opened(filled, ALL, encrypted=not cipher.is_plain(path))
        assert rows(database) == 20
        database.close()
        if cipher.is_plain(path) == (towards == "plain"):
            undo(path, key)
    assert cipher.is_plain(path) == (towards == "plain")
