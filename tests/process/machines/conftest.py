"""Several machines on one: a network namespace for each, joined by a switch that is a namespace, too."""

import contextlib
import datetime
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "a password of the tests"
DEADLINE_S = 120.0
_UNPRIVILEGED = "nobody"
_HOLD = "import sys; print('there', flush=True); sys.stdin.read()"


class Network:
    """Namespaces joined by a bridge. Nothing of it is seen outside, and it goes with its processes."""

    def __init__(self) -> None:
        self._holders: dict[str, subprocess.Popen[str]] = {}
        self.address: dict[str, str] = {}

    def open(self, names: Sequence[str]) -> None:
        """Make the switch and a namespace for each name."""
        self._hold("switch")
        self.run("switch", "ip", "link", "add", "bridge", "type", "bridge")
        self.run("switch", "ip", "link", "set", "bridge", "up")
        for number, name in enumerate(names, 1):
            self._hold(name)
            self.address[name] = f"10.77.0.{number}"
            peer = str(self._holders[name].pid)
            self.run("switch", *f"ip link add {name} type veth peer name eth0 netns {peer}".split())
            self.run("switch", "ip", "link", "set", name, "master", "bridge", "up")
            self.run(name, "ip", "link", "set", "lo", "up")
            self.run(name, "ip", "address", "add", f"{self.address[name]}/24", "dev", "eth0")
            self.run(name, "ip", "link", "set", "eth0", "up")

    def _hold(self, name: str) -> None:
        words = ["unshare", "--net", sys.executable, "-c", _HOLD]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        self._holders[name] = process

    def words(self, name: str, *words: str) -> list[str]:
        """These words, run in a namespace."""
        return ["nsenter", f"--net=/proc/{self._holders[name].pid}/ns/net", *words]

    def run(self, name: str, *words: str) -> None:
        """Run a command in a namespace; it has to succeed."""
        subprocess.run(self.words(name, *words), check=True, timeout=30, capture_output=True)

    def cut(self, name: str) -> None:
        """Pull its plug."""
        self.run("switch", "ip", "link", "set", name, "down")

    def mend(self, name: str) -> None:
        """Put it in again."""
        self.run("switch", "ip", "link", "set", name, "up")

    def close(self) -> None:
        """End the namespaces."""
        for process in self._holders.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of the test's own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("network namespaces joined by a bridge need root on Linux")
    for program in ("ip", "unshare", "nsenter"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (iproute2, util-linux)")
    made = Network()
    with contextlib.ExitStack() as stack:
        stack.callback(made.close)
        try:
            made.open(("core", "market", "money", "front", "base"))
        except (AssertionError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces are not permitted here: {error}")
        yield made


class Platform:
    """A platform spread over the namespaces: one home and one supervisor for each machine."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        self.environment = {**kept, "COLUMNS": "120"}

    def words(self, machine: str, *words: str) -> list[str]:
        """`cryptobot` on a machine."""
        home = ["--home", str(self.folder / machine)]
        return self.network.words(machine, sys.executable, "-m", "cryptobot", *home, *words)

    def say(self, machine: str, *words: str, stdin: str = "", timeout_s: float = DEADLINE_S) -> str:
        """Run a command on a machine; what it prints."""
        done = subprocess.run(
            self.words(machine, *words),
            input=stdin,
            text=True,
            capture_output=True,
            env=self.environment,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{machine}: {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, machine: str, *words: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.say(machine, *words, "--json"))

    def up(self, machines: Sequence[str]) -> None:
        """Start all supervisors at once and wait until each has its services ready."""
        starting = [
            subprocess.Popen(
                self.words(machine, "up", "-d", "--timeout", str(DEADLINE_S)),
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for machine in machines
        ]
        said = [process.communicate(timeout=DEADLINE_S + 30)[0] for process in starting]
        assert [process.returncode for process in starting] == [0] * len(starting), "\n".join(said)

    def down(self, machines: Sequence[str]) -> None:
        """Stop what runs."""
        for machine in machines:
            subprocess.run(
                self.words(machine, "down"),
                capture_output=True,
                env=self.environment,
                timeout=90,
                check=False,
            )

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """Ask again until there is something; each asking is a process, so nothing spins."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if result := found():
                return result
        raise AssertionError(f"not within {DEADLINE_S:g} s: {what}")


@pytest.fixture
def postgresql(network: Network) -> Iterator[str]:
    """PostgreSQL on the machine `base`; its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not programs:
        pytest.skip("PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="cryptobot-pg-"))
    shutil.chown(folder, _UNPRIVILEGED, "nogroup")
    (folder / "password").write_text(PASSWORD)
    shutil.chown(folder / "password", _UNPRIVILEGED, "nogroup")
    nobody: dict[str, Any] = {"user": _UNPRIVILEGED, "group": "nogroup", "cwd": folder}
    data, address = str(folder / "data"), network.address["base"]
    words = ["--username=cryptobot", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "-D", data]
    initdb = [str(programs[0] / "initdb"), f"--pwfile={folder / 'password'}", *words]
    subprocess.run(initdb, check=True, capture_output=True, timeout=90, **nobody)
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("hostssl all all 10.77.0.0/24 scram-sha-256\n")
    _write_certificate(folder / "data", address)
    folder.chmod(0o755)
    shutil.copy(folder / "data" / "server.crt", folder / "ca.pem")
    serve = [str(programs[0] / "postgres"), "-D", data, "-h", address, "-k", str(folder)]
    serve += ["-c", "fsync=off", "-c", "ssl=on"]
    log = (folder / "log").open("wb")
    words = network.words("base", *_as_nobody(), *serve)
    process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        create = [str(programs[0] / "createdb"), "-h", address, "-U", "cryptobot", "cryptobot"]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        deadline = time.monotonic() + DEADLINE_S
        while subprocess.run(network.words("base", *create), env=environment, check=False,
                             capture_output=True, timeout=30).returncode:  # fmt: skip
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        yield f"postgresql://cryptobot@{address}/cryptobot?sslrootcert={folder / 'ca.pem'}"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _write_certificate(folder: Path, address: str) -> None:
    """server.crt and server.key; our program wants TLS with a certificate for the server's address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "base")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = made.add_extension(names, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = serialization.Encoding.PEM
    (folder / "server.crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(key.private_bytes(pem, *plain))
    (folder / "server.key").chmod(0o600)
    for file in ("server.crt", "server.key"):
        shutil.chown(folder / file, _UNPRIVILEGED, "nogroup")


def _as_nobody() -> list[str]:
    return ["setpriv", f"--reuid={_UNPRIVILEGED}", "--regid=nogroup", "--clear-groups"]


MACHINES = ("core", "market", "money", "front")
SERVICES = {
    "core": "bus,auth,monitor",
    "market": "paper,data",
    "money": "trade,strategy",
    "front": "dashboard",
}


@pytest.fixture
def platform(network: Network, postgresql: str) -> Iterator[Platform]:
    """Four machines as `cryptobot export systemd` makes them, all ready."""
    folder = Path(tempfile.mkdtemp(prefix="cryptobot-m-"))  # short enough for sockets
    made = Platform(network, folder)
    try:
        made.say("base", "config", "set", "paper.candle_interval_s", "0.2")
        hosts = [f"--host={name}={network.address[name]}/{SERVICES[name]}" for name in MACHINES]
        made.say("base", "export", "systemd", "--out", str(folder / "out"), "--database", postgresql, *hosts)
        for machine in MACHINES:
            shutil.copytree(folder / "out" / machine / "home", folder / machine)
            made.say(machine, "secret", "set", "database.password", stdin=PASSWORD + "\n")
        made.up(MACHINES)
        yield made
    finally:
        made.down(MACHINES[::-1])
        shutil.rmtree(folder, ignore_errors=True)
