"""Metrics for Prometheus on a loopback port."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptobot.supervisor.states import STATES


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _served(daemon) -> Iterator[str]:
    port = _free_port()
    daemon.supervisor = {"metrics_port": port}
    daemon.service("a", "ready")
    daemon.service("b", "exit=0", restart="never")
    daemon.start().until("a", "RUNNING")
    daemon.until("b", "EXITED")
    yield f"http://127.0.0.1:{port}/metrics"


def _read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=45) as answer:  # noqa: S310 - our own loopback port
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def test_every_service_is_measured(daemon) -> None:
    """CPU, memory, restarts, state and up of each, and the supervisor's own."""
    with _served(daemon) as address:
        lines = _read(address).splitlines()
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert samples['cryptobot_service_up{service="a"}'] == "1"
    assert samples['cryptobot_service_up{service="b"}'] == "0"
    for name in ("cpu_ratio", "resident_bytes", "proportional_bytes", "restarts_total", "uptime_seconds"):
        assert float(samples[f'cryptobot_service_{name}{{service="a"}}']) >= 0
    states = {state: samples[f'cryptobot_service_state{{service="b",state="{state}"}}'] for state in STATES}
    assert [state for state, value in states.items() if value == "1"] == ["EXITED"]
    assert float(samples["cryptobot_supervisor_cpu_seconds_total"]) > 0
    assert "cryptobot_alerts" in samples


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_no_fault(daemon) -> None:
    """The checker of Prometheus itself reads it without a complaint."""
    with _served(daemon) as address:
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=_read(address),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_other_questions_are_refused_and_harm_nobody(daemon) -> None:
    """Another path is 404, another method 405; rubbish and a caller who says nothing are dropped."""
    with _served(daemon) as address:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + "/x", timeout=45)  # noqa: S310
        posted = urllib.request.Request(address, method="POST")  # noqa: S310
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(posted, timeout=45)  # noqa: S310
        port = int(address.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=45) as rude:
            rude.sendall(b"x" * 10_000)
            while rude.recv(4096):
                pass
        assert "cryptobot_build_info" in _read(address)


def test_a_taken_port_is_told_and_the_platform_runs(daemon) -> None:
    """An alert names the port; services run all the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        daemon.supervisor = {"metrics_port": taken.getsockname()[1]}
        daemon.service("a", "ready")
        daemon.start().until("a", "RUNNING")
        assert str(taken.getsockname()[1]) in daemon.until_alert("supervisor.metrics")["detail"]
