"""A service that ends because something outside is away is tried again for as long as that lasts."""

import sys

NEEDY = """
import os, signal, socket, sys
if not os.path.exists(sys.argv[1]):
    sys.exit(75)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.pause()
"""


def test_it_is_never_fatal(daemon, tmp_path):
    """More failures than the limit; it is held and runs once what it needs is back."""
    daemon.supervisor = {"restart_limit": 2, "backoff_initial_s": 0.0, "backoff_max_s": 0.0}
    back = tmp_path / "back"
    daemon.service("keeper", "ready", command=[sys.executable, "-I", "-S", "-c", NEEDY, str(back)])
    daemon.start()
    held = daemon.until("keeper", lambda one: "waits for something that is away" in one["reason"])
    assert held["state"] == "BACKOFF"
    back.touch()
    with daemon.client() as client:
        client.restart("keeper", wait=False)
    daemon.until("keeper", "RUNNING")
