"""Who can be behind a unix socket."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cryptobot.bus import sockets, trust
from cryptobot.bus.blocking import BlockingBus
from cryptobot.configs.errors import BusError
from cryptobot.configs.paths import Home

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets of ZeroMQ here")
STRANGER = 65534
CONNECT = """
import os, sys, zmq
user = int(sys.argv[2])
context = zmq.Context()
socket = context.socket(zmq.DEALER)
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
socket.setsockopt(zmq.LINGER, 500)
socket.connect(sys.argv[1])
socket.send(str(user).encode())
socket.close()
context.term()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that nobody used."""
    made = Home(tmp_path / "home")
    made.create()
    return made


def test_a_folder_that_others_may_write_in_is_refused(home: Home) -> None:
    """The sentence names the folder and what to do; a client does not connect there."""
    home.sockets.chmod(0o777)
    with pytest.raises(BusError, match=r"Others may write in .*chmod 700"):
        BlockingBus.open(home, "cli-1")


def test_a_missing_folder_is_made_so_that_nobody_else_makes_it(home: Home) -> None:
    """With mode 0700."""
    home.sockets.rmdir()
    trust.look_at(home)
    assert home.sockets.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can become another user")
def test_a_strangers_folder_is_refused(home: Home) -> None:
    """Also when it is private: it is private to somebody else."""
    os.chown(home.sockets, STRANGER, STRANGER)
    with pytest.raises(BusError, match="belongs to the user with number 65534"):
        trust.look_at(home)


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can become another user")
def test_root_may_look_at_a_users_home(home: Home) -> None:
    """Home and folder belong to one user."""
    for folder in (home.root, home.sockets):
        os.chown(folder, STRANGER, STRANGER)
    trust.look_at(home)


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can become another user")
def test_a_server_refuses_other_users_by_what_the_kernel_says() -> None:
    """Even where the folder lets them in: of two callers only the one of this user arrives."""
    context = sockets.context()
    server = sockets.server(context)
    trust.admit_only_us(server)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "s"
        server.bind(f"ipc://{path}")
        path.chmod(0o777)
        for user in (STRANGER, 0):
            words = [sys.executable, "-c", CONNECT, f"ipc://{path}", str(user)]
            subprocess.run(words, check=True, timeout=45)
        assert server.poll(45_000)
        assert server.recv_multipart()[1] == b"0"
        assert not server.poll(0)
        server.close()
        context.term()
