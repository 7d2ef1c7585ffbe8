"""An update on a disk that is full: a real one in a mount namespace. Nothing is half done, room mends it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENTER = ["unshare", "-m"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-Urm"]
SCRIPT = """
import importlib.util, json, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("worlds", sys.argv[1])
worlds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worlds)
from cryptobot.configs.errors import CryptoBotError
from cryptobot.supervisor.versions import stage
from cryptobot.supervisor.versions.apply import Wish, apply
top, room = Path(sys.argv[2]), int(sys.argv[3])
world = worlds.World(top).begin()
ready = world.offer(more=400_000)
if sys.argv[4] == "unseen":  # room that vanishes after it was looked at
    stage._ROOM_FACTOR, stage._ROOM_BYTES = 0, 0
free = __import__("shutil").disk_usage(top).free
with open(top / "filler", "wb") as file:
    file.write(b"x" * (free - room))
said = ""
try:
    apply(world.trial(), ready, Wish(actor="ann"))
except (CryptoBotError, OSError) as error:
    said = str(error)
try:
    world.trial().resume()
except (CryptoBotError, OSError) as error:
    said += " then " + str(error)
version = world.folder.current()
(top / "filler").unlink()
world.trial().resume()
world.assert_whole("1.0.0", "2.0.0")
first = world.folder.current()
if first == "1.0.0":
    apply(world.trial(), world.folder.read_ready() or world.offer(more=400_000), Wish(actor="ann"))
world.assert_whole("2.0.0")
print(json.dumps([version, first, said]))
"""


def _can_mount():
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    done = subprocess.run([*ENTER, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not _can_mount(), reason="this system lets nobody mount in a namespace")


def updated(tmp_path, room, how):
    """Update with so many bytes of room left: the version then, the one with room again, what was said."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    words = f"{sys.executable} {tmp_path}/script.py {HERE}/conftest.py {disk} {room} {how}"
    done = subprocess.run(
        [*ENTER, "sh", "-c", f"mount -t tmpfs -o size=8m none {disk} && {words}"],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_too_little_room_is_seen_before_anything_is_done(tmp_path):
    """The sentence names how much is there and how much is needed."""
    version, first, said = updated(tmp_path, 500_000, "seen")
    assert (version, first) == ("1.0.0", "1.0.0")
    assert "MB left; the version 2.0.0 needs" in said


@pytest.mark.parametrize("room", [0, 460_000, 540_000])
def test_a_disk_that_runs_full_at_any_step(tmp_path, room):
    """Wherever the room ends, the version in use stays whole or the new one is; with room all goes on."""
    version, first, said = updated(tmp_path, room, "unseen")
    assert version in ("1.0.0", "2.0.0")
    assert first == version
    assert said or version == "2.0.0"
