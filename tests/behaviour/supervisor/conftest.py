"""A real supervisor daemon in a home of its own, driven from outside."""

import contextlib
import json
import os
import select
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
from cryptobot.configs.schema import LogSettings, ServiceOverride, Settings, SupervisorSettings
from cryptobot.supervisor.catalogue import table as catalogue
from cryptobot.supervisor.control.client import ControlClient

CHILD = Path(__file__).with_name("child.py")
PATIENCE_S = 45.0

if sys.platform != "linux":
    pytest.skip("these tests look at processes through /proc", allow_module_level=True)


def child(*words: str) -> list[str]:
    """The command of a test child."""
    return [sys.executable, "-I", "-S", str(CHILD), *words]


def alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_dead(pid: int, timeout_s: float = PATIENCE_S) -> None:
    """Wait for the end of a process, however distant."""
    timeout_s += slack_s()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        assert poll.poll(timeout_s * 1000), f"process {pid} still lives"
    finally:
        os.close(descriptor)


def of_home(home: Home) -> dict[int, str]:
    """pid and service name of every living process that carries this home's mark."""
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or not alive(int(entry.name)):
            continue
        with contextlib.suppress(OSError):
            lines = Path(entry.path, "environ").read_bytes().split(b"\0")
            values = dict(line.split(b"=", 1) for line in lines if b"=" in line)
            if values.get(b"CRYPTOBOT_HOME") == bytes(home.root) and b"CRYPTOBOT_SERVICE" in values:
                found[int(entry.name)] = values[b"CRYPTOBOT_SERVICE"].decode()
    return found


def slack_s() -> float:
    """What a time limit is widened by where others use the processors too."""
    busy = os.getloadavg()[0] - (os.cpu_count() or 1)
    return 0.0 if busy < 0 else min(10.0, 1.0 + busy)


class Daemon:
    """The daemon of one home, as its users see it."""

    child = staticmethod(child)
    alive = staticmethod(alive)
    wait_dead = staticmethod(wait_dead)
    slack_s = staticmethod(slack_s)

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.create()
        (root / "services.d").mkdir()
        self.process: subprocess.Popen[bytes] | None = None
        self.supervisor: dict[str, Any] = {}
        self.log: dict[str, Any] = {}
        self.profile = "paper"

    def service(self, name: str, *words: str, **manifest: Any) -> None:
        """Write a manifest; the child does the words, and without `ready` it is ready at once."""
        manifest.setdefault("command", child(*words))
        if "ready" not in words and "readiness" not in manifest:
            manifest["readiness"] = {"kind": "none"}
        path = self.home.root / "services.d" / f"{name}.json"
        path.write_text(json.dumps({"name": name, **manifest}), encoding="utf-8")

    def write_settings(self) -> None:
        off = {name: ServiceOverride(enabled=False) for name in catalogue.TABLE}
        settings = Settings(
            profile=self.profile,  # type: ignore[arg-type]
            services=off,
            supervisor=SupervisorSettings(**self.supervisor),
            log=LogSettings(**self.log),
        )
        snapshot.write(self.home, settings)
        lines = ["services:", *(f"  {name}: {{enabled: false}}" for name in off)]
        (self.home.root / "config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def launch(self) -> str:
        """Start it; returns what it says: `ready`, or why not."""
        self.write_settings()
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cryptobot.supervisor.daemon", str(self.home.root)],
            env={**os.environ, "CRYPTOBOT_READY_FD": str(write_end)},
            pass_fds=(write_end,),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        os.close(write_end)
        with os.fdopen(read_end, "rb") as reader:
            return reader.read().decode()

    def start(self) -> "Daemon":
        said = self.launch()
        assert said == "ready", said
        return self

    def client(self) -> ControlClient:
        return ControlClient(self.home)

    def status(self, name: str) -> dict[str, Any]:
        with self.client() as client:
            return next(service for service in client.status()["services"] if service["name"] == name)

    def pid(self, name: str) -> int:
        return int(self.status(name)["pid"])

    def until(
        self, name: str, condition: str | Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Follow the events until a service's state (or the condition on its status) holds."""
        wanted = condition if callable(condition) else lambda one: bool(one["state"] == condition)
        with self.client() as client:
            deadline = time.monotonic() + timeout_s
            seen: dict[str, Any] = {}
            for event in self._events(client, deadline):
                ours = [one for one in event.get("services", [event]) if one.get("name") == name]
                for one in ours:
                    seen = one
                    if wanted(one):
                        return one
            raise AssertionError(f"{name} did not get there in {timeout_s} s; last seen {seen}")

    def until_alert(
        self, key: str, timeout_s: float = PATIENCE_S, *, recovered: bool = False
    ) -> dict[str, Any]:
        with self.client() as client:
            for event in self._events(client, time.monotonic() + timeout_s):
                for one in event.get("alerts", [event]):
                    if one.get("key") == key and one.get("recovered", False) == recovered:
                        return one
        raise AssertionError(f"no alert {key}")

    def _events(self, client: ControlClient, deadline: float) -> Iterator[dict[str, Any]]:
        stream = client.events()
        while True:
            event = next(stream, None)
            if event is None:
                return
            yield event
            client._socket.settimeout(max(0.01, deadline - time.monotonic()))

    def processes(self) -> dict[int, str]:
        """All living processes of this home: pid and service."""
        return of_home(self.home)

    def until_true(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for what no event tells of."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, what
            select.select([], [], [], 0.01)

    def wait_a_moment(self) -> None:
        """Half a second without a spinning processor, for waits that last minutes."""
        select.select([], [], [], 0.5)

    def until_process(self, program: str) -> int:
        """Wait until a process of this home runs that program; returns its pid."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == program:
                        return pid
            assert time.monotonic() < deadline, f"no {program} was run"
            select.select([], [], [], 0.01)

    def until_watched(self, pid: int, file: Path) -> None:
        """Write to a file until the process that is made of it is gone: the watch begins at its own time."""
        descriptor = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            for number in range(int(PATIENCE_S)):
                file.write_text(f"{number}\n", encoding="ascii")
                if poll.poll(1000):
                    return
            raise AssertionError(f"nobody noticed that {file} changed")
        finally:
            os.close(descriptor)

    def journal(self) -> list[dict[str, Any]]:
        path = self.home.logs / "supervisor.log"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def until_log(self, name: str, text: str) -> str:
        """Wait until the log of a service holds `text`; returns the whole log."""
        path = self.home.logs / f"{name}.log"
        deadline = time.monotonic() + PATIENCE_S
        while text not in (written := path.read_text("utf-8", "replace") if path.exists() else ""):
            assert time.monotonic() < deadline, f"{text!r} did not appear in {path}: {written[-500:]!r}"
            select.select([], [], [], 0.01)
        return written

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: int) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """Stop by SIGTERM, and see to it that nothing stays; a leftover process is a failure of its own."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        left = of_home(self.home)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"left behind: {left}"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is not started yet."""
    one = Daemon(tmp_path / "home")
    try:
        yield one
    finally:
        one.end()
