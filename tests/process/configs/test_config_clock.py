"""A clock that jumps by years, forwards and back, loses nothing of settings, secrets and databases."""

import os
import time

import pytest
from cryptobot.configs import edit, history
from cryptobot.configs.load import load
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
from cryptobot.services.database.backup import backup_folder, make_backup, prune, read_note
from cryptobot.services.database.fields import CharField, Model
from cryptobot.services.database.migrations import Migration, add_index, create_tables
from cryptobot.services.database.store import open_database

YEAR_S = 365 * 86_400
JUMPS = (10 * YEAR_S, -20 * YEAR_S, 0)


@pytest.fixture
def home(tmp_path):
    """An empty home."""
    made = Home(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def jump(monkeypatch):
    """Sets the wall clock off by some seconds."""
    real, real_ns = time.time, time.time_ns

    def by(seconds):
        monkeypatch.setattr(time, "time", lambda: real() + seconds)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + seconds * 1_000_000_000)

    return by


def test_the_history_counts_by_number_not_by_time(home, jump):
    """Each revision is found, in the order in which they were made; rollback works across the jumps."""
    for number, seconds in enumerate(JUMPS, start=1):
        jump(seconds)
        edit.set_values(home, {"trade.max_open_orders": str(number)}, actor="ann")
    revisions = history.history(home)
    assert [one.number for one in revisions] == [1, 2, 3]
    edit.rollback(home, 1, actor="ann")
    assert load(home, (), {}).settings.trade.max_open_orders == 1


def test_secrets_are_found_after_any_jump(home, jump):
    """Versions count on; what was stored in the future is not due, and is due when its time has come."""
    vault = Vault(home, environ={})
    for seconds in JUMPS:
        jump(seconds)
        vault.set("a", Secret(f"value {seconds}"))
        vault.rotate_master()
        assert vault.get("a").reveal() == f"value {seconds}"
    assert [(one.version, one.due) for one in vault.names()] == [(3, False)]
    jump(YEAR_S)
    assert [one.due for one in vault.names()] == [True]


class NoteRow(Model):
    """One row."""

    id = CharField(max_length=40, primary_key=True)
    text = CharField(max_length=40, default="")

    class Meta:
        table_name = "notes"


STEPS = (
    Migration(1, "notes", (create_tables(NoteRow),)),
    Migration(2, "an index", (add_index(NoteRow, "text"),)),
    Migration(3, "and another", (add_index(NoteRow, "text", "id"),)),
)


def test_the_backup_before_a_migration_is_not_the_one_that_is_thrown_away(home, jump):
    """With the clock set back the newest backup looks like the oldest; it is kept all the same."""
    folder = backup_folder(home)
    database = open_database(home, "tests", models=[NoteRow], migrations=STEPS[:2])
    for number in range(5):
        path = make_backup(home, "tests", database.engine, folder, reason="by hand")
        future = time.time() + (number + 1) * YEAR_S
        os.utime(path, (future, future))
    database.close()
    jump(-10 * YEAR_S)
    open_database(home, "tests", models=[NoteRow], migrations=STEPS).close()
    reasons = [read_note(path).reason for path in folder.glob("*.sqlite")]
    assert len(reasons) == 5
    assert "before migration to version 3" in reasons


def test_pruning_spares_what_it_is_told_to(home):
    """Also when there is room for one only."""
    database = open_database(home, "tests", models=[NoteRow], migrations=STEPS)
    folder = backup_folder(home)
    made = [make_backup(home, "tests", database.engine, folder, reason="test") for _ in range(3)]
    database.close()
    assert prune(folder, "tests", 1, spare=made[0]) == made[1:]
    assert list(folder.glob("*.sqlite")) == [made[0]]
