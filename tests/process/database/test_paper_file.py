"""The paper exchange's own file: checked, backed up, restored and encrypted like the tables of the others."""

import json
import sqlite3
import subprocess
import sys

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.configs.paths import Home
from cryptobot.configs.vault import Vault
from cryptobot.services.database.errors import DatabaseAccessError
from cryptobot.services.database.files import opener
from cryptobot.services.paper import storage as db
from cryptobot.services.paper.storage import Storage

CANARY = "canary-paper-secret-0123456789"


@pytest.fixture
def home(tmp_path):
    """A home whose paper exchange has an account."""
    made = Home(tmp_path / "home")
    made.create()
    storage = Storage(made.databases)
    storage.write([(db.PUT_ACCOUNT, [("ann", "key", CANARY)]), (db.PUT_FACT, [("port", "1")])])
    storage.close()
    return made


def run(home, *words):
    """`cryptobot db WORDS --json`; its rows of paper."""
    command = [sys.executable, "-m", "cryptobot.services.database.command", str(home.root), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [row for row in json.loads(done.stdout) if row["owner"] == "paper"]


def accounts(home, connect=None):
    """What the exchange would find."""
    storage = Storage(home.databases, connect)
    found = storage.accounts()
    storage.close()
    return found


def test_it_is_checked_backed_up_and_restored(home):
    """The commands for all databases cover it, version and rows included."""
    (checked,) = run(home, "check")
    assert (checked["version"], checked["rows"], checked["ok"]) == (2, 2, True)
    (backup,) = run(home, "backup")
    storage = Storage(home.databases)
    storage.write([(db.PUT_ACCOUNT, [("bob", "other", "x")])])
    storage.close()
    (restored,) = run(home, "restore", backup["file"])
    assert restored["before"]
    assert accounts(home) == [("ann", "key", CANARY)]


def test_it_is_encrypted_and_plain_again(home):
    """Nothing of it can be read without the key; nothing of it is lost on the way, its version neither."""
    pytest.importorskip("sqlcipher3")
    run(home, "convert", "--encrypted")
    assert all(CANARY.encode() not in file.read_bytes() for file in home.databases.iterdir())
    assert accounts(home, opener(home)) == [("ann", "key", CANARY)]
    with pytest.raises(StartError, match="not a database"):
        accounts(home)
    run(home, "convert", "--plain")
    assert accounts(home) == [("ann", "key", CANARY)]
    with sqlite3.connect(home.databases / db.FILE) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (2,)


def test_switching_encryption_on_encrypts_it_at_the_next_start(home):
    """As for all other files; with another key it is refused."""
    pytest.importorskip("sqlcipher3")
    assert accounts(home, opener(home)) == [("ann", "key", CANARY)]
    assert CANARY.encode() not in (home.databases / db.FILE).read_bytes()
    Vault(home).remove("database.key")
    with pytest.raises(DatabaseAccessError, match="the key is wrong"):
        accounts(home, opener(home))


def test_a_damaged_file_is_found_at_the_start(home):
    """Small files are read whole before anything is built on them."""
    storage = Storage(home.databases)
    storage.write([(db.PUT_FACT, [(f"fact {number}", "x" * 500) for number in range(2000)])])
    storage.close()
    path = home.databases / db.FILE
    data = bytearray(path.read_bytes())
    data[200_000:260_000] = b"\x07" * 60_000
    path.write_bytes(data)
    with pytest.raises(StartError, match="restore a backup"):
        Storage(home.databases)
