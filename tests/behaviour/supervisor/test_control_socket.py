"""S26, S39: who may speak to the supervisor, and how those who listen are served."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest


def _raw(daemon) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(45)
    sock.connect(str(daemon.home.sockets / "control.sock"))
    return sock


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user_is_refused_and_it_is_logged(daemon) -> None:
    """S26: the peer's user is asked of the kernel, whatever the file modes say."""
    daemon.service("a", "ready")
    daemon.start().until("a", "RUNNING")
    for folder in (daemon.home.sockets, *daemon.home.sockets.parents):
        if folder.stat().st_uid == os.getuid() and str(folder) not in {"/", "/tmp"}:
            folder.chmod(folder.stat().st_mode | 0o755)
    path = daemon.home.sockets / "control.sock"
    path.chmod(0o777)
    code = (
        "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
        'try:\n s.sendall(b\'{"id":1,"op":"shutdown"}\\n\')\n print(repr(s.recv(100)))\n'
        "except OSError as e: print('refused')\n"
    )
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-I", "-c", code, str(path)]
        if os.access("/usr/bin/python3", os.X_OK)
        else [sys.executable, "-I", "-c", code, str(path)],
        user=65534,
        group=65534,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.strip() in {"b''", "refused"}, done
    assert daemon.status("a")["state"] == "RUNNING"
    assert any("user 65534" in str(line.get("what")) for line in daemon.journal())
    assert "user 65534" in daemon.until_alert("control.refused")["detail"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"not json\n", "bad_request"),
        (b'{"id":7,"op":"explode"}\n', "usage"),
        (b"[1,2]\n", "bad_request"),
        (b'{"a":' * 2000 + b"\n", "bad_request"),
    ],
)
def test_nonsense_is_answered_with_an_error_and_the_rest_goes_on(daemon, sent: bytes, code: str) -> None:
    """S26: the connection and the supervisor survive it."""
    daemon.service("a", "ready")
    daemon.start().until("a", "RUNNING")
    with _raw(daemon) as sock:
        sock.sendall(sent)
        answer = json.loads(sock.recv(65_536))
        assert answer["ok"] is False
        assert answer["error"]["code"] == code
        sock.sendall(b'{"id":2,"op":"status"}\n')
        assert json.loads(sock.recv(65_536))["ok"] is True


def test_a_request_without_end_is_cut_off(daemon) -> None:
    """S26: a stranger cannot fill our memory."""
    daemon.service("a", "ready")
    daemon.start().until("a", "RUNNING")
    with _raw(daemon) as sock, pytest.raises(OSError):
        while True:
            sock.sendall(b"x" * 65_536)
    assert daemon.status("a")["state"] == "RUNNING"


def test_an_unknown_service_is_answered_with_the_nearest_name(daemon) -> None:
    """People mistype."""
    from cryptobot.configs.errors import UsageError

    daemon.service("worker", "ready")
    daemon.start()
    with (
        daemon.client() as client,
        pytest.raises(UsageError, match=r"no service 'woker'; did you mean 'worker'"),
    ):
        client.restart("woker")


def test_a_late_subscriber_gets_a_snapshot_and_then_each_change_once_in_order(daemon) -> None:
    """S39: restart, seen as its transitions; numbers without a gap."""
    daemon.service("a", "ready")
    daemon.start().until("a", "RUNNING")
    with daemon.client() as listener, daemon.client() as client:
        events = listener.events()
        snapshot = next(events)
        assert snapshot["kind"] == "snapshot"
        assert next(one for one in snapshot["services"] if one["name"] == "a")["state"] == "RUNNING"
        client.restart("a")
        changes = (event for event in events if event["kind"] == "state")
        seen = [next(changes) for _ in range(4)]
    assert [event["state"] for event in seen] == ["STOPPING", "STOPPED", "STARTING", "RUNNING"]
    numbers = [event["seq"] for event in seen]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_subscriber_that_does_not_read_is_dropped_and_blocks_nobody(daemon) -> None:
    """S39: after some megabytes unread, its connection ends; others were served all the time."""
    for number in range(40):
        reason = "x" * 3000
        daemon.service(f"n{number}", f"status={reason}", "exit=1", restart="never")
    daemon.start()
    deadline = time.monotonic() + 30
    with _raw(daemon) as deaf, daemon.client() as client:
        deaf.sendall(b'{"id":1,"op":"events"}\n')
        while not any("too slowly" in str(line.get("what")) for line in daemon.journal()):
            client.start(wait=True)
            assert time.monotonic() < deadline
        assert client.status()["supervisor"]["state"] == "RUNNING"


def test_the_client_imports_nothing_heavy() -> None:
    """`cryptobot status` must start at once: no zmq, no ccxt, no flask, no asyncio."""
    code = (
        "import sys\nfrom cryptobot.supervisor.control.client import ControlClient\n"
        "heavy={'zmq','ccxt','flask','asyncio','yaml','msgspec','numpy'}&set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.strip() == "[]"


def test_a_home_without_a_daemon_says_so(daemon) -> None:
    """The error is the one that makes the command exit with 3."""
    from cryptobot.configs.errors import NotRunningError

    with pytest.raises(NotRunningError, match="cryptobot up"):
        daemon.client()
