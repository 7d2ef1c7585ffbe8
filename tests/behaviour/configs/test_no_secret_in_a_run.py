"""A whole run of the platform, crashes included, writes no secret: planted ones are looked for everywhere."""

import base64
import importlib.util
import json
import os
import resource
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
from cryptobot.services.auth.permissions import ALL

if sys.platform != "linux":
    pytest.skip("looks at processes through /proc", allow_module_level=True)

PLANTED = {
    "binance.api_secret": "canary-4711-planted-secret",
    "kraken.api_key": "canary-4712-planted-key",
    "notify.telegram_token": "canary-4713:planted-token",
    "probe.password": "canary-4714-handed-to-a-probe",
}
PASSPHRASE = "canary-0815-passphrase"
PASSWORD = "canary-0816-correct-horse-battery"
PATIENCE_S = 240
PROBE = """
import os, sys
os.fdopen(int(os.environ["CRYPTOBOT_SECRETS_FD"]), "rb").read()
print("the probe has its secrets", flush=True)
os.abort()
"""
ASKED = (
    ("config", "export", "--all"),
    ("config", "explain", "--json"),
    ("config", "history", "--json"),
    ("secret", "list", "--json"),
    ("logs", "trade"),
    ("logs", "probe"),
    ("audit", "list", "--json"),
    ("doctor", "--json"),
    ("db", "backup", "--json"),
    ("secret", "rotate"),
)
CRASHED = ("trade", "auth", "strategy")


class Run:
    """One home, its platform, and everything that was ever said to us."""

    def __init__(self, folder):
        self.home = Home(folder / "home")
        self.home.create()
        self.folder = folder
        self.heard: list[bytes] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        self.environ = clean | {
            "CRYPTOBOT_PASSPHRASE": PASSPHRASE,
            "TMPDIR": str(folder / "tmp"),
            "COVERAGE_PROCESS_START": "",
        }
        (folder / "tmp").mkdir()

    def __call__(self, *words, says=None, keep=True, expect=0):
        done = subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(self.home.root), *words],
            input=says, capture_output=True, timeout=180, check=False, env=self.environ, cwd=self.folder,
            # Whoever crashes may write as large a core as it likes, if it does not forbid that itself.
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2
            ),
        )  # fmt: skip
        assert expect is None or done.returncode == expect, (words, done.stderr[-2000:])
        self.heard.append(done.stderr)
        if keep:
            self.heard.append(done.stdout)
        return done.stdout.decode()

    def services(self):
        """Name and status of every service."""
        return {one["name"]: one for one in json.loads(self("status", "--json"))["services"]}

    def until(self, condition):
        """Wait for an answer of the platform."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.services()

    def crash(self, name):
        """End a service as a bug in a C library would; wait for its replacement."""
        pid = self.services()[name]["pid"]
        os.kill(pid, signal.SIGABRT)
        self.until(lambda: (one := self.services()[name])["pid"] not in (0, pid) and one["ready"])

    def ask_dashboard(self, key):
        """Every page of the management API that can be asked without an argument."""
        address = json.loads((self.home.run / "dashboard.json").read_bytes())["url"].rstrip("/")
        context = ssl.create_default_context(cafile=str(self.home.keys / "ca.crt"))

        def get(path):
            request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {key}"})  # noqa: S310  # ours
            try:
                with urllib.request.urlopen(request, context=context, timeout=60) as answer:  # noqa: S310
                    text = answer.read()
            except urllib.error.HTTPError as error:
                text = error.read()
            self.heard.append(text)
            return text

        described = json.loads(get("/api/v1/openapi.json"))
        paths = [path for path, methods in described["paths"].items() if "get" in methods and "{" not in path]
        for path in paths:
            get(path if path.startswith("/api") else f"/api/v1{path}")
        return len(paths)

    def written(self):
        """Path and content of every file of the run: home, temporary folder, working folder."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return {path: path.read_bytes() for path in files}


@pytest.fixture
def run(tmp_path):
    """A platform that is stopped at the end."""
    made = Run(tmp_path)
    yield made
    made("down", expect=None)


def spellings(text):
    """How a secret could lie in a file."""
    plain = text.encode()
    return [plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), text.encode("utf-16-le")]


def limits_of(run):
    """Largest core file of every process of the home."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and bytes(run.home.root) in (process / "environ").read_bytes():
                text = (process / "limits").read_text()
                found[process.name] = text.split("Max core file size")[1].split()[0]
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_with_crashes_writes_no_secret_anywhere(run):
    """Vault, passphrase, passwords, the databases' key and API keys: none in any file or answer."""
    vault = Vault(run.home, environ=run.environ)
    for name, text in PLANTED.items():
        vault.set(name, Secret(text))
    (run.home.root / "services.d").mkdir()
    manifest = {"name": "probe", "command": [sys.executable, "-c", PROBE], "secrets": ["probe.*"]}
    manifest |= {"readiness": {"kind": "none"}, "restart": "never"}
    (run.home.root / "services.d" / "probe.json").write_text(json.dumps(manifest))
    encrypted = "true" if importlib.util.find_spec("sqlcipher3") else "false"
    run("config", "set", f"database.encrypted={encrypted}", "dashboard.port=0", "log.level=debug")
    run("up", "-d", "--timeout", "45", expect=None)  # the probe aborts, which is told
    run.until(lambda: json.loads(run("fills", "--json")))

    initial = (run.home.keys / "initial-password").read_text().strip()
    run("user", "add", "ann", "--role", "admin", "--ask", says=PASSWORD.encode() + b"\n")
    scopes = [word for permission in sorted(ALL) for word in ("--scope", permission)]
    key = json.loads(run("apikey", "create", "ann", "canary", *scopes, "--json", keep=False))
    key = key.get("secret") or key["key"]
    assert run.ask_dashboard(key) > 10

    assert set(limits_of(run).values()) == {"1"}
    for name in CRASHED:
        run.crash(name)
    assert run.services()["probe"]["state"] == "EXITED"
    for words in ASKED:
        run(*words, expect=None)
    run("down")

    secrets = {**PLANTED, "passphrase": PASSPHRASE, "password": PASSWORD, "api key": key}
    if encrypted == "true":
        secrets["database.key"] = vault.get("database.key").reveal()
    written = run.written()
    assert any(path.parent == run.home.logs for path in written)
    assert not [path for path in written if path.name.startswith("core")]
    for name, text in secrets.items():
        for spelled in spellings(text):
            assert [path for path, content in written.items() if spelled in content] == [], name
            assert not any(spelled in said for said in run.heard), name
    holders = [path.name for path, content in written.items() if initial.encode() in content]
    assert holders == ["initial-password"]
    assert {name: vault.get(name).reveal() for name in PLANTED} == PLANTED
