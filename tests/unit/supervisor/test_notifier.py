"""The sending side of readiness, against a queue that is full."""

import socket
import threading
from pathlib import Path

import pytest
from cryptobot.configs.notify import Notifier


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
def test_readiness_waits_for_room_and_a_heartbeat_does_not(tmp_path: Path) -> None:
    """A lost READY=1 would cost the service its life; a lost heartbeat costs nothing."""
    path = tmp_path / "n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))
        notifier = Notifier({"NOTIFY_SOCKET": str(path)})
        filled = 0
        while notifier.send(WATCHDOG=1, X_PROGRESS=filled):
            filled += 1
            assert filled < 100_000
        thread = threading.Thread(target=notifier.ready)
        thread.start()
        heard = [supervisor.recv(500) for _ in range(filled + 1)]
        thread.join()
        notifier.close()
    assert heard[-1].startswith(b"READY=1\n")


def test_nobody_who_listens_is_no_fault(tmp_path: Path) -> None:
    """Run by hand, or while the supervisor is away, it returns at once."""
    assert Notifier({}).send(READY=1) is False
    assert Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send(READY=1) is False
