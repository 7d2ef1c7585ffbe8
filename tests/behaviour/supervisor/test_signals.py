"""S23, S38: signals to the daemon."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order(daemon, tmp_path: Path, number: int) -> None:
    """S23: SIGTERM and SIGINT: reverse order, exit 0, nothing left."""
    order = tmp_path / "order"
    daemon.service("base", f"log-stop={order},base", "ready")
    daemon.service("top", f"log-stop={order},top", "ready", requires=["base"])
    daemon.start().until("top", "RUNNING")
    assert daemon.signal(number) == 0
    assert order.read_text(encoding="ascii").split() == ["top", "base"]
    assert not daemon.processes()
    assert not (daemon.home.sockets / "control.sock").exists()


def test_a_hangup_reloads(daemon) -> None:
    """S23: SIGHUP takes new manifests; what has not changed goes on."""
    daemon.service("a", "ready")
    pid = daemon.start().until("a", "RUNNING")["pid"]
    daemon.service("b", "ready")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until("b", "RUNNING")
    assert daemon.pid("a") == pid


def test_a_hangup_with_a_broken_file_keeps_everything(daemon) -> None:
    """S33: it is told in the log, and the old configuration runs on."""
    daemon.service("a", "ready")
    pid = daemon.start().until("a", "RUNNING")["pid"]
    (daemon.home.root / "services.d" / "bad.json").write_text("{", encoding="ascii")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    with daemon.client() as client:
        client.status()
        client.restart("a")
    assert any("not reloaded" in line["event"] and "bad.json" in line["reason"] for line in daemon.journal())
    assert daemon.pid("a") != pid


def test_the_daemon_outlives_the_terminal_that_launched_it(daemon) -> None:
    """S23: launch_daemon returns when it supervises; the end of its session does not reach the daemon."""
    daemon.service("a", "ready")
    daemon.write_settings()
    code = (
        "import sys; from pathlib import Path; from cryptobot.configs.paths import Home\n"
        "from cryptobot.supervisor.daemon import launch_daemon\n"
        "print(launch_daemon(Home(Path(sys.argv[1]))))"
    )
    terminal = subprocess.run(
        [sys.executable, "-c", code, str(daemon.home.root)],
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pid = int(terminal.stdout)
    try:
        assert daemon.until("a", "RUNNING")["state"] == "RUNNING"
        assert os.getsid(pid) == pid
        with daemon.client() as client:
            assert client.status()["supervisor"]["pid"] == pid
            client.shutdown()
        daemon.wait_dead(pid, 5.0)
    finally:
        if daemon.alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_cannot_start_says_why_to_its_launcher(daemon) -> None:
    """The sentence arrives at the one who called launch_daemon."""
    daemon.service("a", "ready", requires=["nothing"])
    daemon.write_settings()
    from cryptobot.configs.errors import CryptoBotError
    from cryptobot.supervisor.daemon import launch_daemon

    with pytest.raises(CryptoBotError, match="requires 'nothing', which does not exist"):
        launch_daemon(daemon.home)


def test_a_stop_while_services_start_and_back_off_is_clean(daemon) -> None:
    """S38: SIGTERM in the middle of it: exit 0, nothing left."""
    daemon.service("starting", "sleep=30", readiness={"kind": "notify"})
    daemon.service("waiting", "ready", requires=["starting"])
    daemon.service("failing", "exit=1", backoff_initial_s=30, backoff_max_s=30)
    daemon.start()
    daemon.until("failing", lambda one: one["state"] == "BACKOFF" and one["restarts"] == 1)
    daemon.until("starting", "STARTING")
    assert daemon.signal(signal.SIGTERM) == 0
    assert not daemon.processes()


def test_the_end_of_the_leash_stops_the_daemon(daemon) -> None:
    """A daemon started by a demo ends in order when the demo is killed, however it is killed."""
    daemon.service("a", "ready")
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    os.environ["CRYPTOBOT_LEASH_FD"] = str(read_end)
    try:
        daemon.write_settings()
        daemon.process = subprocess.Popen(
            [sys.executable, "-m", "cryptobot.supervisor.daemon", str(daemon.home.root)],
            pass_fds=(read_end,),
            stderr=subprocess.DEVNULL,
        )
    finally:
        del os.environ["CRYPTOBOT_LEASH_FD"]
        os.close(read_end)
    import contextlib

    from cryptobot.configs.errors import NotRunningError

    while True:
        with contextlib.suppress(NotRunningError):
            daemon.until("a", "RUNNING")
            break
        assert daemon.process.poll() is None
    os.close(write_end)
    assert daemon.process.wait(45) == 0
    assert not daemon.processes()


def test_a_service_manager_is_told_ready_alive_and_stopping(daemon, tmp_path: Path) -> None:
    """Under systemd (Type=notify, WatchdogSec) READY, WATCHDOG and STOPPING arrive; children hear nothing."""
    import socket

    daemon.service("a", "environment=WATCHDOG_USEC", "ready")
    daemon.write_settings()
    path = tmp_path / "n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(45)
        environment = {**os.environ, "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"}
        daemon.process = subprocess.Popen(
            [sys.executable, "-m", "cryptobot.supervisor.daemon", str(daemon.home.root)], env=environment
        )
        heard = [manager.recv(100) for _ in range(4)]
        daemon.until("a", "RUNNING")
        assert daemon.signal(signal.SIGTERM) == 0
        manager.settimeout(1)
        while heard[-1] != b"STOPPING=1":
            heard.append(manager.recv(100))
    assert heard[:4] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert (daemon.home.logs / "a.log").read_text(encoding="ascii") == "WATCHDOG_USEC=None\n"
