"""The dashboard as a process of its own, over a real broker and real TLS."""

import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.service import Alert
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DashboardSettings, Settings

DEADLINE_S = 30.0
RUN = (
    "import sys; from {} import main; from cryptobot.configs.paths import Home; "
    "sys.exit(main(Home.find(sys.argv[1])))"
)


class Processes:
    """A broker and a dashboard on one home."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        self.running: list[subprocess.Popen[bytes]] = []
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(str(self.home.sockets / "notify"))
        self.notifications.settimeout(DEADLINE_S)

    def configure(self, port: int) -> None:
        """Write the settings that are in force."""
        snapshot.write(self.home, Settings(dashboard=DashboardSettings(port=port)))

    def start(self, module: str) -> subprocess.Popen[bytes]:
        """Start one process."""
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.home.sockets / "notify")}
        words = [sys.executable, "-c", RUN.format(module), str(self.home.root)]
        process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def dashboard(self) -> subprocess.Popen[bytes]:
        """Start the dashboard and wait until it says that it is ready."""
        process = self.start("cryptobot.dashboard.service")
        self.wait_for(process, b"READY=1")
        return process

    def wait_for(self, process: subprocess.Popen[bytes], word: bytes) -> str:
        """The datagram of this process that holds the word."""
        mark, end = f"MAINPID={process.pid}".encode(), time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            datagram = self.notifications.recv(4096)
            if word in datagram and mark in datagram:
                return datagram.decode()
        raise AssertionError(f"no {word!r} from {process.args}")

    def url(self) -> str:
        """The address that the dashboard tells."""
        return str(json.loads((self.home.run / "dashboard.json").read_bytes())["url"])

    def get(self, path: str) -> tuple[int, str]:
        """One request, trusting the dashboard's own CA and nothing else."""
        context = ssl.create_default_context(cafile=str(self.home.keys / "ca.crt"))
        try:
            with urllib.request.urlopen(self.url() + path, context=context, timeout=DEADLINE_S) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def close(self) -> None:
        """End what still runs."""
        for process in self.running:
            process.kill()
            process.communicate(timeout=DEADLINE_S)
        self.notifications.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """A home with a broker."""
    if sys.platform == "win32":
        pytest.skip("readiness is told over a unix socket here; Windows has another way")
    made = Processes(tmp_path / "h")
    made.configure(0)
    made.start("cryptobot.bus.broker")
    yield made
    made.close()


def test_it_is_ready_when_it_answers_over_https_with_its_own_certificate(processes: Processes) -> None:
    """At the moment of readiness the login page is there for a client that trusts the home's CA."""
    processes.dashboard()

    status, page = processes.get("login")

    assert status == 200
    assert "Log in" in page


def test_its_address_is_told_to_its_owner_only(processes: Processes) -> None:
    """run/dashboard.json holds the address really listened on, mode 0600."""
    processes.dashboard()

    assert processes.url().startswith("https://127.0.0.1:")
    assert (processes.home.run / "dashboard.json").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_one_clear_sentence(processes: Processes) -> None:
    """It ends with the code for "cannot start as things are" and names port and setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        processes.configure(port)
        process = processes.start("cryptobot.dashboard.service")
        told = processes.wait_for(process, b"STATUS=")
        code = process.wait(DEADLINE_S)

    assert code == 78
    assert f"Port {port} on 127.0.0.1 is in use by another program; set dashboard.port" in told


def test_it_ends_cleanly_on_sigterm(processes: Processes) -> None:
    """Exit code 0, and the port is free again."""
    process = processes.dashboard()
    port = int(processes.url().rstrip("/").rpartition(":")[2])

    process.send_signal(signal.SIGTERM)

    assert process.wait(DEADLINE_S) == 0
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_it_listens_on_the_same_free_port_after_a_restart(processes: Processes) -> None:
    """Open pages find it again although the port was chosen freely."""
    first = processes.dashboard()
    before = processes.url()
    first.send_signal(signal.SIGTERM)
    first.wait(DEADLINE_S)

    processes.dashboard()

    assert processes.url() == before


def test_without_auth_the_login_page_is_there_and_says_what_is_missing(processes: Processes) -> None:
    """The dashboard needs nobody to be up for its own readiness."""
    processes.dashboard()

    assert processes.get("login")[0] == 200
    assert processes.get("api/v1/status")[0] == 401


def test_a_request_for_another_host_is_refused(processes: Processes) -> None:
    """A name made to point here (DNS rebinding) gets no page."""
    processes.dashboard()
    context = ssl.create_default_context(cafile=str(processes.home.keys / "ca.crt"))
    request = urllib.request.Request(processes.url() + "login", headers={"Host": "evil.example"})  # noqa: S310

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, context=context, timeout=DEADLINE_S)  # noqa: S310
    assert refused.value.code == 421


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 stands for an address of the network")
def test_an_alert_stands_while_it_is_open_to_a_network(processes: Processes) -> None:
    """Every start tells it as an alert, and the first start on loopback after that ends the alert."""
    bus = BlockingBus.open(processes.home, "supervisor")
    alerts: queue.SimpleQueue[Alert] = queue.SimpleQueue()
    bus.subscribe(topics.ALERTS, Alert, lambda received: alerts.put(received.message))
    bus.settled(DEADLINE_S)
    told = []
    try:
        for host in ("127.0.0.2", "127.0.0.1"):
            settings = DashboardSettings(port=0, host=host, open_to_network=host == "127.0.0.2")
            snapshot.write(processes.home, Settings(dashboard=settings))
            process = processes.dashboard()
            told.append(alerts.get(timeout=DEADLINE_S))
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
    finally:
        bus.close()

    assert [(one.key, one.severity, one.recovered) for one in told] == [
        ("dashboard.open", "warning", False), ("dashboard.open", "warning", True),
    ]  # fmt: skip
    assert "127.0.0.2" in told[0].detail
    assert told[0].title == "The dashboard is open to the network"


@pytest.mark.slow
def test_ten_thousand_idle_sockets_keep_nobody_out(processes: Processes) -> None:
    """They are taken and closed, not left hanging; people are answered meanwhile, and memory stays."""
    import resource

    import psutil

    idle = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < idle + 500:
        pytest.skip(f"this system allows {hard} open files; {idle} sockets need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (idle + 500, hard))
    dashboard = processes.dashboard()
    port = int(processes.url().rstrip("/").rpartition(":")[2])
    assert processes.get("login")[0] == 200
    before = psutil.Process(dashboard.pid).memory_info().rss
    sockets = []
    try:
        for number in range(idle):
            sockets.append(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
            if number % 2_000 == 1_999:
                assert processes.get("login")[0] == 200
        grown = psutil.Process(dashboard.pid).memory_info().rss - before
        closed = sum(_is_closed(one) for one in sockets)
    finally:
        for one in sockets:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert closed > idle - 1_100
    assert grown < 150_000_000
    assert processes.get("login")[0] == 200
    assert dashboard.poll() is None


def _is_closed(one: socket.socket) -> bool:
    """Has the other side ended it, politely or not?"""
    one.settimeout(0.0)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
