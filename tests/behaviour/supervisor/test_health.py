"""S7: probes of all kinds with their thresholds, on real processes."""

import sys
import time
from pathlib import Path

SERVER = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1] + ".asked", "a") as file:
            file.write("x")
        self.send_response(200 if os.path.exists(sys.argv[1]) and self.path == "/health?deep=1" else 503)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
"""


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _web(daemon, name: str, flag: Path, probe: dict[str, object], **manifest: object) -> None:
    port = _free_port()
    code = SERVER.replace("PORT", str(port))
    kind = {"kind": "http", "url": f"http://127.0.0.1:{port}/health?deep=1", "interval_s": 0.1}
    daemon.service(
        name,
        command=[sys.executable, "-I", "-c", code, str(flag)],
        readiness=kind,
        probe={**kind, **probe},
        **manifest,
    )


def test_a_service_is_ready_when_its_page_answers_and_degraded_while_it_does_not(
    daemon, tmp_path: Path
) -> None:
    """An answer of 503 is no readiness; failures make it DEGRADED at the threshold, a success mends it."""
    flag = tmp_path / "flag"
    _web(daemon, "web", flag, {"degraded_after": 2, "failures": 10_000})
    daemon.start()
    asked, deadline = tmp_path / "flag.asked", time.monotonic() + 45
    while not asked.exists() or len(asked.read_text(encoding="ascii")) < 3:
        assert time.monotonic() < deadline, "it is asked"
        time.sleep(0.02)
    assert daemon.status("web")["state"] == "STARTING"
    flag.touch()
    pid = daemon.until("web", "RUNNING")["pid"]
    flag.unlink()
    degraded = daemon.until("web", "DEGRADED")
    assert degraded["reason"] == "its http probe fails 2 times in a row"
    assert "http probe" in daemon.until_alert("service.web")["detail"]
    flag.touch()
    assert daemon.until("web", "RUNNING")["pid"] == pid
    with daemon.client() as client:
        assert next(client.events())["alerts"] == []


def test_a_service_whose_probe_goes_on_failing_is_restarted(daemon, tmp_path: Path) -> None:
    """At the second threshold, with the reason."""
    flag = tmp_path / "flag"
    flag.touch()
    _web(daemon, "web", flag, {"degraded_after": 1, "failures": 3}, restart="never")
    first = daemon.start().until("web", "RUNNING")["pid"]
    flag.unlink()
    ended = daemon.until("web", "EXITED")
    assert ended["reason"].startswith("its http probe fails 3 times in a row")
    assert not daemon.alive(first)


def test_a_port_that_the_kernel_answers_does_not_make_good_for_a_heartbeat(daemon, tmp_path: Path) -> None:
    """DEGRADED for silence stays so while the probe succeeds."""
    daemon.service(
        "still",
        "ready",
        "beat=0.3",
        "sleep=600",
        heartbeat_timeout_s=1.0,
        probe={"kind": "command", "command": ["/bin/true"], "interval_s": 0.05},
    )
    first = daemon.start().until("still", "RUNNING")["pid"]
    daemon.until("still", "DEGRADED")
    again = daemon.until("still", lambda one: one["state"] != "DEGRADED")
    assert again["state"] != "RUNNING" or again["pid"] != first
