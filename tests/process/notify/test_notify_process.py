"""The notify service as a process on the real bus: kill -9 neither loses nor doubles what waits."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.notify import (
    DELIVERIES,
    DeliveryChanged,
    DeliveryEntry,
    DeliveryLog,
    ListDeliveries,
)
from cryptobot.bus.contracts.service import Alert, Ping
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.secret import Secret
from cryptobot.configs.sections.notify import NotifySettings
from cryptobot.configs.vault import Vault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
DEADLINE_S = 60.0


class Receiver:
    """A webhook on loopback that refuses until it is told to take."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.tries = 0
        self.takes = False
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver.changed:
                    receiver.tries += 1
                    if receiver.takes:
                        receiver.titles.append(body["title"])
                    receiver.changed.notify_all()
                self.send_response(200 if receiver.takes else 503)
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Tests print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def until(self, condition: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE_S)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Platform:
    """The bus and the notify service of one home, as processes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.start("bus")
        self.bus = BlockingBus.open(home, "supervisor")
        self.changed = threading.Event()
        self.bus.subscribe(DELIVERIES, DeliveryChanged, lambda _received: self.changed.set())
        self.bus.settled(DEADLINE_S)

    def start(self, name: str) -> None:
        """Spawn a service."""
        command = [sys.executable, "-m", "cryptobot", "--home", str(self.home.root), "service", "run", name]
        with (self.home.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stderr=log, stdout=log)

    def ready(self) -> None:
        """Wait until the service answers."""
        self.bus.request("notify", Ping(), Done, timeout_s=DEADLINE_S, tries=60)

    def kill(self) -> None:
        """As a crash would."""
        self.processes["notify"].send_signal(signal.SIGKILL)
        self.processes["notify"].wait(10)

    def log(self, state: str) -> list[DeliveryEntry]:
        """The delivery log, once all of it is in that state."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.changed.clear()
            log = self.bus.request("notify", ListDeliveries(), DeliveryLog, timeout_s=DEADLINE_S, tries=60)
            if log.entries and all(one.state == state for one in log.entries):
                return log.entries
            assert self.changed.wait(deadline - time.monotonic()), log

    def stop(self) -> None:
        """End everything."""
        self.bus.close()
        for process in self.processes.values():
            process.kill()
            process.wait(10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook that refuses at first."""
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def platform(tmp_path: Path, receiver: Receiver) -> Iterator[Platform]:
    """Bus and notify, with one channel: the webhook."""
    home = Home(tmp_path / "home")
    home.create()
    Vault(home).set("notify.hook", Secret(receiver.address))
    snapshot.write(home, Settings(notify=NotifySettings(retry_initial_s=0.5, retry_max_s=1.0)))
    found = Platform(home)
    try:
        found.start("notify")
        found.ready()
        yield found
    finally:
        found.stop()


def test_kill_9_while_a_delivery_waits_delivers_it_once(platform: Platform, receiver: Receiver) -> None:
    """Refused, killed, and what happened while it was dead: the next life delivers both, each once."""
    platform.bus.publish(topics.alert("error"), _alert("first"))
    receiver.until(lambda: receiver.tries >= 1)
    platform.log("waiting")
    platform.kill()
    platform.bus.publish(topics.alert("critical"), _alert("second", "critical"))
    with receiver.changed:
        receiver.takes = True
    platform.start("notify")
    receiver.until(lambda: len(receiver.titles) >= 2)
    entries = platform.log("sent")
    assert sorted(receiver.titles) == ["[critical] second", "[error] first"]
    assert {one.title for one in entries} == {"first", "second"}


def _alert(title: str, severity: str = "error") -> Alert:
    return Alert(key=f"k.{title}", severity=severity, source="test", title=title, detail="d")
