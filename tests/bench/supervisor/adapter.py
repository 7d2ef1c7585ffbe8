"""Plugs our supervisor into the benchmark of supervisors, beside its floor and the peers.

`Adapter` is put into this module's globals by the benchmark. CRYPTOBOT_BENCH_PYTHON names the interpreter
that has cryptobot installed (the benchmark runs in an environment of its own).
"""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

Adapter = globals().get("Adapter", object)
PYTHON = os.environ.get("CRYPTOBOT_BENCH_PYTHON", "python3")


class CryptoBotAdapter(Adapter):
    """Our daemon with a manifest for each service, statistics at 1 Hz as by default."""

    name = "cryptobot"
    monitoring = "CPU, memory and threads of all at 1 Hz; heartbeats"

    def prepare(self, n):
        self.home = Path(self.dir) / "home"
        (self.home / "services.d").mkdir(parents=True)
        for name, argv in self.services(n):
            manifest = {
                "name": name,
                "command": argv,
                "readiness": {"kind": "none"},
                "restart_limit": 1000,
                "stable_s": 0.5,
            }
            (self.home / "services.d" / f"{name}.json").write_text(json.dumps(manifest))
        code = (
            "import sys; from pathlib import Path; from cryptobot.configs import snapshot; "
            "from cryptobot.configs.paths import Home; from cryptobot.configs.schema import *; "
            "from cryptobot.supervisor.catalogue.registry import built_in; home = Home(Path(sys.argv[1])); "
            "home.create(); "
            "off = {m.name: ServiceOverride(enabled=False) for m in built_in(Settings())}; "
            "snapshot.write(home, Settings(services=off))"
        )
        subprocess.run([PYTHON, "-c", code, str(self.home)], check=True)
        self.sock = None
        self.number = 0
        if not os.environ.get("CRYPTOBOT_BENCH_FIRST"):
            self.once(n)

    def once(self, n):
        """Start and stop: a home is started for the first time once, and many times afterwards."""
        before = self.daemon()
        assert self.t.wait_slots(n, 60) is not None, "the first start did not succeed"
        before.terminate()
        before.wait(30)
        self.t.reset()

    def daemon(self):
        return self.popen([PYTHON, "-m", "cryptobot.supervisor.daemon", str(self.home)])

    def start(self, n):
        self.daemon()

    def status(self):
        return self.call("status")["services"][-self.count() :]

    def count(self):
        return len(list((self.home / "services.d").iterdir()))

    def full(self):
        return self.status()

    def pids(self):
        return {one["name"]: one["pid"] for one in self.status() if one["pid"]}

    def call(self, operation):
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(str(self.home / "run" / "sockets" / "control.sock"))
        self.number += 1
        self.sock.sendall(json.dumps({"id": self.number, "op": operation}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            more = self.sock.recv(262_144)
            if not more:
                raise EOFError
            data += more
        return json.loads(data)["result"]

    def stop(self):
        os.kill(self.supervisor_pid(), signal.SIGTERM)

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None
