"""Tables of a newer version brought back to the older form, with every row that was written since."""

import sqlite3

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.services.database import takeback
from cryptobot.services.database.backup import make_backup
from cryptobot.services.database.errors import DatabaseAccessError, DatabaseBrokenError, DatabaseNewerError
from cryptobot.services.database.fields import CharField, DecimalField, IntegerField, Model
from cryptobot.services.database.migrations import Migration, add_column, create_tables
from cryptobot.services.database.store import open_database
from cryptobot.services.database.target import FileTarget


class OldFill(Model):
    """A fill as the old version knows it."""

    id = CharField(max_length=20, primary_key=True)
    amount = DecimalField()

    class Meta:
        table_name = "fills"


class NewFill(Model):
    """With a column that must not be empty, which the old version would not fill."""

    id = CharField(max_length=20, primary_key=True)
    amount = DecimalField()
    venue = CharField(max_length=20, default="paper")

    class Meta:
        table_name = "fills"


class Note(Model):
    """A table of the new version alone."""

    count = IntegerField()

    class Meta:
        table_name = "notes"


FIRST = (Migration(1, "fills", (create_tables(OldFill),)),)
BOTH = (*FIRST, Migration(2, "venues", (add_column(NewFill.venue), create_tables(Note))))


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypted(request):
    """Both kinds of files."""
    if request.param:
        pytest.importorskip("sqlcipher3")
    return request.param


@pytest.fixture
def home(tmp_path):
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def opened(home, encrypted, models, migrations):
    """The database of the tests."""
    settings = DatabaseSettings(encrypted=encrypted)
    return open_database(home, "tests", models=models, migrations=migrations, settings=settings)


def updated(home, encrypted):
    """A database of the old form with a backup, then migrated and written on by the new version."""
    database = opened(home, encrypted, [OldFill], FIRST)
    OldFill.create(id="before", amount="1.5")
    OldFill.create(id="gone", amount="2")
    backup = make_backup(home, "tests", database.engine, home.state / "backups", reason="update")
    database.close()
    database = opened(home, encrypted, [NewFill, Note], BOTH)
    NewFill.create(id="since", amount="0.00000001", venue="binance")
    NewFill.delete().where(NewFill.id == "gone").execute()
    Note.create(count=1)
    database.close()
    return backup, FileTarget(home.databases / "tests.sqlite", encrypted)


def test_the_old_version_finds_its_tables_and_every_row(home, encrypted):
    """What was written, changed and removed since the backup is as the new version left it."""
    backup, target = updated(home, encrypted)
    with pytest.raises(DatabaseNewerError):
        opened(home, encrypted, [OldFill], FIRST)
    assert takeback.is_newer(home, backup, target)
    old = takeback.take_back(home, backup, target)
    assert old is not None
    assert old.exists()
    assert not takeback.is_newer(home, backup, target)
    database = opened(home, encrypted, [OldFill], FIRST)
    assert {(row.id, str(row.amount)) for row in OldFill.select()} == {("before", "1.5"), ("since", "1E-8")}
    OldFill.create(id="after", amount="3")
    database.close()


def test_the_way_there_again(home, encrypted):
    """A database that was taken back can be migrated once more."""
    backup, target = updated(home, encrypted)
    takeback.take_back(home, backup, target)
    database = opened(home, encrypted, [NewFill, Note], BOTH)
    assert {row.venue for row in NewFill.select()} == {"paper"}
    database.close()


def test_a_database_in_use_is_left_alone(home, encrypted):
    """Whoever still has it open would write into a file that nobody reads any more."""
    backup, target = updated(home, encrypted)
    database = opened(home, encrypted, [NewFill, Note], BOTH)
    with database.transaction():
        NewFill.create(id="late", amount="1")
        with pytest.raises((DatabaseAccessError, DatabaseBrokenError)):
            takeback.take_back(home, backup, target)
    database.close()
    assert takeback.is_newer(home, backup, target)


def test_a_damaged_backup_changes_nothing(home, encrypted):
    """The form is taken from a backup that is what its note says, or not at all."""
    backup, target = updated(home, encrypted)
    backup.write_bytes(backup.read_bytes()[:-10])
    with pytest.raises(DatabaseBrokenError, match="not what its note says"):
        takeback.take_back(home, backup, target)
    opened(home, encrypted, [NewFill, Note], BOTH).close()


def test_rows_that_do_not_fit_change_nothing(home):
    """A new version that breaks the rule of adding only is found out, and its file stays."""
    backup, target = updated(home, False)
    with sqlite3.connect(target.path) as connection:
        connection.execute("ALTER TABLE fills RENAME COLUMN amount TO quantity")
    with pytest.raises(DatabaseBrokenError, match="do not fit into the older form"):
        takeback.take_back(home, backup, target)
    with sqlite3.connect(target.path) as connection:
        assert connection.execute("SELECT count(quantity) FROM fills").fetchone() == (2,)
