"""Services that live and do not answer over the bus: found by the supervisor's pings; on a real broker."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import ServiceOverride, Settings
from cryptobot.supervisor.catalogue.registry import built_in
from cryptobot.supervisor.control.client import ControlClient

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

_PING = {"kind": "ping", "interval_s": 0.2, "timeout_s": 1.0}
ANSWERS = """
import sys
from pathlib import Path
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Ping
from cryptobot.configs.paths import Home
import signal
bus = BlockingBus.open(Home(Path(sys.argv[1])), "well")
bus.serve(Ping, lambda request: Done())
signal.pause()
"""


def _service(home: Home, name: str, command: list[str], probe: dict[str, Any]) -> None:
    manifest = {"name": name, "command": command, "requires": ["bus"], "readiness": {"kind": "none"},
                "probe": {**_PING, **probe}, "restart": "never"}  # fmt: skip
    (home.root / "services.d" / f"{name}.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with the broker, a service that answers pings and one that does not."""
    home = Home(tmp_path / "home")
    home.create()
    off = {one.name: ServiceOverride(enabled=False) for one in built_in(Settings()) if one.name != "bus"}
    snapshot.write(home, Settings(services=off))
    (home.root / "services.d").mkdir()
    _service(
        home,
        "well",
        [sys.executable, "-c", ANSWERS, str(home.root)],
        {"degraded_after": 1, "failures": 10_000},
    )
    _service(home, "mute", ["/bin/sleep", "1000"], {"degraded_after": 2, "failures": 3})
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "cryptobot.supervisor.daemon", str(home.root)],
        env={**os.environ, "CRYPTOBOT_READY_FD": str(write_end)},
        pass_fds=(write_end,),
        start_new_session=True,
    )
    os.close(write_end)
    with os.fdopen(read_end, "rb") as reader:
        assert reader.read() == b"ready"
    try:
        yield home
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def _until(home: Home, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    with ControlClient(home) as client:
        while True:
            one = next(one for one in client.status()["services"] if one["name"] == name)
            if condition(one):
                return dict(one)
            assert time.monotonic() < deadline, one
            time.sleep(0.02)


def test_who_does_not_answer_is_ended_with_the_reason_and_who_answers_goes_on(home: Home) -> None:
    """The process lives, and would for ever; three unanswered questions end it for its policy."""
    ended = _until(home, "mute", lambda one: one["state"] == "EXITED")
    assert ended["reason"].startswith("its ping probe fails 3 times in a row")
    assert _until(home, "well", lambda one: one["state"] == "RUNNING")["restarts"] == 0


def test_a_frozen_service_is_degraded_and_well_again_when_it_answers(home: Home) -> None:
    """Without heartbeats: by the pings alone."""
    pid = _until(home, "well", lambda one: one["state"] == "RUNNING")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        degraded = _until(home, "well", lambda one: one["state"] == "DEGRADED")
        assert "its ping probe fails" in degraded["reason"]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert _until(home, "well", lambda one: one["state"] == "RUNNING")["pid"] == pid
