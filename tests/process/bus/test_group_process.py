"""`cryptobot service run A+B`: services in one process."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Ping
from cryptobot.configs.paths import Home

FAILING = """
from cryptobot.configs.errors import StartError
from cryptobot.services.host.service import Service, run

class Failing(Service):
    name = "failing"

    async def setup(self):
        raise StartError("There is no such thing.")

def main(home):
    return run(Failing, home)
"""
RUN_GROUP = """
import sys
from cryptobot.configs.paths import Home
from cryptobot.services.host.group import run_group
targets = {"auth": "cryptobot.services.auth.service:main", "failing": "failing:main"}
sys.exit(run_group(Home.find(sys.argv[1]), targets))
"""


def test_a_group_is_ready_when_all_are_and_stops_in_order(home: Home, broker: Any) -> None:
    """READY comes once; both members answer from one process; SIGTERM ends it with code 0."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(home.sockets / "notify"))
        listener.settimeout(45)
        words = ["-m", "cryptobot", "--home", str(home.root), "service", "run", "auth+paper"]
        group = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "NOTIFY_SOCKET": str(home.sockets / "notify")},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while b"READY=1" not in (told := listener.recv(4096)):
                pass
            assert f"MAINPID={group.pid}".encode() in told
            with BlockingBus.open(home, "cli-1") as bus:
                for name in ("auth", "paper"):
                    assert bus.request(name, Ping(), Done, timeout_s=45).message == "pong"
            group.terminate()
            while b"STOPPING=1" not in listener.recv(4096):
                pass
        finally:
            group.terminate()
            _, log = group.communicate(timeout=45)
    assert group.returncode == 0, log
    assert log.count('"event": "ready"') == 2


def test_when_a_member_cannot_start_the_group_ends(home: Home, broker: Any, tmp_path: Path) -> None:
    """With the member's exit code and sentence; members that ran are stopped."""
    (tmp_path / "failing.py").write_text(FAILING)
    ran = subprocess.run(
        [sys.executable, "-c", RUN_GROUP, str(home.root)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 78, ran.stderr
    assert "There is no such thing." in ran.stderr


def test_what_cannot_share_a_process_is_refused(home: Home) -> None:
    """The bus has its own process, and so has what is not built on Service."""
    code = RUN_GROUP.replace("failing:main", "cryptobot.bus.broker:main")
    ran = subprocess.run(
        [sys.executable, "-c", code, str(home.root)], capture_output=True, text=True, timeout=60
    )
    assert "needs a process of its own" in ran.stderr
