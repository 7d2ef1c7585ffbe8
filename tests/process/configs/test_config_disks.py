"""Disks that are full or cannot be written: real ones in a mount namespace, so that root meets them too."""

import os
import shutil
import subprocess
import sys

import pytest

ENTER = ["unshare", "-m"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-Urm"]


def _can_mount():
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    done = subprocess.run([*ENTER, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not _can_mount(), reason="this system lets nobody mount in a namespace")


def on_disk(folder, script, *, size="4m", then="remount,ro"):
    """Run a shell script (no text of users in it) with a disk of its own at `folder`; what it said.

    `$CB` is the command in the home on that disk; after `SETTLE` the disk is remounted.
    """
    folder.mkdir(exist_ok=True)
    program = f"{sys.executable} -m cryptobot --home {folder}/home"
    text = script.replace("$CB", program).replace("SETTLE", f"mount -o {then} {folder}")
    whole = f"mount -t tmpfs -o size={size} none {folder} && {{ {text}; }}"
    return subprocess.run(
        [*ENTER, "sh", "-c", whole], capture_output=True, text=True, timeout=90, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")},
    )  # fmt: skip


FILL = "head -c 8000000 /dev/zero > {folder}/filler 2>/dev/null || true"


def test_settings_and_secrets_on_a_read_only_disk(tmp_path):
    """What is there can be read; each change is refused with one sentence and changes nothing."""
    script = """
        $CB config set trade.max_open_orders 7 2>/dev/null
        echo canary-0815 | $CB secret set binance.api_key 2>/dev/null
        SETTLE
        $CB config get trade.max_open_orders
        $CB secret list --json | head -c 40; echo
        $CB config set trade.max_open_orders 8; echo "config $?" >&2
        echo other-0815 | $CB secret set binance.api_key; echo "secret $?" >&2
        $CB secret rotate; echo "rotate $?" >&2
        $CB config get trade.max_open_orders"""
    done = on_disk(tmp_path / "disk", script)
    assert done.stdout.split()[0] == done.stdout.split()[-1] == "7"
    assert "binance.api_key" in done.stdout
    for word in ("config 2", "secret 2", "rotate 2"):
        assert word in done.stderr, done.stderr
    assert done.stderr.count("cannot be written") >= 3, done.stderr
    assert "Traceback" not in done.stderr


def test_settings_and_secrets_on_a_full_disk(tmp_path):
    """The old settings and secrets stay whole and in force."""
    folder = tmp_path / "disk"
    script = f"""
        $CB config set trade.max_open_orders 7 2>/dev/null
        echo canary-0815 | $CB secret set binance.api_key 2>/dev/null
        {FILL.format(folder=folder)}
        $CB config set trade.max_open_orders 8; echo "config $?" >&2
        echo other-0815 | $CB secret set kraken.api_key; echo "secret $?" >&2
        $CB secret rotate; echo "rotate $?" >&2
        $CB config get trade.max_open_orders
        rm {folder}/filler
        $CB config set trade.max_open_orders 9 2>/dev/null
        $CB config history --json | grep -c '"number"'
        $CB secret rotate 2>/dev/null && $CB secret list --json"""
    done = on_disk(folder, script)
    assert done.stdout.split()[0] == "7", done
    assert "No space left" in done.stderr, done.stderr
    for word in ("config 2", "secret 2", "rotate 2"):
        assert word in done.stderr, done.stderr
    assert "binance.api_key" in done.stdout
    assert "kraken.api_key" not in done.stdout
    assert "Traceback" not in done.stderr


WRITE = """
import sys
from pathlib import Path
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.services.database.fields import CharField, Model
from cryptobot.services.database.migrations import Migration, create_tables
from cryptobot.services.database.store import open_database
from cryptobot.services.database.health import examine
import asyncio
class Row(Model):
    text = CharField(max_length=2000)
home = Home(Path(sys.argv[1]))
try:
    home.create()
    first = [Migration(1, "rows", (create_tables(Row),))]
    settings = DatabaseSettings(encrypted=len(sys.argv) > 3)
    database = open_database(home, "tests", models=[Row], migrations=first, settings=settings)
    for _ in range(int(sys.argv[2])):
        with database.transaction():
            for _ in range(50):
                Row.create(text="x" * 2000)
except Exception as error:
    print(type(error).__name__, error)
else:
    print("written")
if "database" in globals():
    print("rows", Row.select().count() % 50, asyncio.run(examine(database, 60)).state)
    database.close()
"""


@pytest.mark.parametrize("kind", ["", "encrypted"])
def test_a_database_on_a_disk_that_runs_full(tmp_path, kind):
    """The transaction that found no room is gone whole, the finding is `full`, and with room it goes on."""
    if kind:
        pytest.importorskip("sqlcipher3")
    (tmp_path / "write.py").write_text(WRITE)
    write = f"{sys.executable} {tmp_path}/write.py {tmp_path}/disk/home"
    big = f"mount -o remount,size=64m {tmp_path}/disk"
    done = on_disk(tmp_path / "disk", f"{write} 500 {kind}; {big}; {write} 1 {kind}", size="4m")
    lines = done.stdout.splitlines()
    assert "full" in lines[0], done
    assert lines[1:] == ["rows 0 full", "written", "rows 0 ok"]


@pytest.mark.parametrize("kind", ["", "encrypted"])
def test_a_database_on_a_read_only_disk(tmp_path, kind):
    """One sentence at the start, not a traceback."""
    if kind:
        pytest.importorskip("sqlcipher3")
    (tmp_path / "write.py").write_text(WRITE)
    write = f"{sys.executable} {tmp_path}/write.py {tmp_path}/disk/home"
    done = on_disk(tmp_path / "disk", f"{write} 1 {kind}; SETTLE; {write} 1 {kind}", size="64m")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["written", "rows 0 ok"], done
    assert lines[2].startswith(("SettingsError", "DatabaseAccessError")), done
    assert "Traceback" not in done.stderr
