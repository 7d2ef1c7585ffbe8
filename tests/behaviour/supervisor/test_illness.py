"""A service that says what does not work is DEGRADED until it says that it works again."""

import sys

ILL = """
import os, pathlib, signal, socket, sys
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
progress = 0
def beat(*_):
    global progress
    progress += 1
    ill = pathlib.Path(sys.argv[1])
    words = [f"WATCHDOG=1", f"X_PROGRESS={progress}", *([f"X_ILL={ill.read_text()}"] if ill.exists() else ())]
    out.sendto("\\n".join(words).encode(), os.environ["NOTIFY_SOCKET"])
signal.signal(signal.SIGALRM, beat)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
out.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    signal.pause()
"""


def test_an_ill_service_is_degraded_with_its_reason_and_not_killed(daemon, tmp_path):
    """Status tells the reason; when it is gone the same process is RUNNING."""
    ill = tmp_path / "ill"
    daemon.service("keeper", "ready", command=[sys.executable, "-I", "-S", "-c", ILL, str(ill)])
    daemon.start()
    pid = daemon.until("keeper", "RUNNING")["pid"]
    ill.write_text("the database has no room")
    assert daemon.until("keeper", "DEGRADED")["reason"] == "the database has no room"
    ill.unlink()
    assert daemon.until("keeper", "RUNNING")["pid"] == pid
