"""A service is handed the secrets that its manifest names, and no way to the others."""

import hashlib
import json
import os
import signal
import sys

from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault

CANARIES = {name: f"canary-{name}-0815" for name in ("venue.api_key", "venue.api_secret", "other.token")}
PROBE = """
import hashlib, json, os, pathlib, signal, sys
texts = json.loads(os.fdopen(int(os.environ["CRYPTOBOT_SECRETS_FD"]), "rb").read())
seen = {
    "pid": os.getpid(),
    "secrets": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
    "environment": dict(os.environ),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "core": pathlib.Path("/proc/self/limits").read_text().split("Max core file size")[1].split()[0],
}
file = pathlib.Path(sys.argv[1])
file.with_suffix(".new").write_text(json.dumps(seen))
file.with_suffix(".new").rename(file)
signal.pause()
"""


def digests(*names):
    """What the probe writes down of these secrets."""
    return {name: hashlib.sha256(CANARIES[name].encode()).hexdigest() for name in names}


def probe(daemon, tmp_path, *secrets, **manifest):
    """A manifest of a service that notes what it was handed; the file of its notes."""
    script, notes = tmp_path / "probe.py", tmp_path / "seen.json"
    script.write_text(PROBE)
    command = [sys.executable, "-I", "-S", str(script), str(notes)]
    daemon.service("probe", command=command, secrets=secrets, **manifest)
    return notes


def seen(daemon, notes, not_pid=0):
    """The notes of a process other than `not_pid`, once they are there."""
    daemon.until("probe", lambda one: one["state"] == "RUNNING" and one["pid"] != not_pid)
    pid = daemon.pid("probe")
    with daemon.client() as client:
        while not notes.exists() or json.loads(notes.read_text())["pid"] != pid:
            client.status()
            assert daemon.alive(pid)
    return json.loads(notes.read_text())


def test_only_named_secrets_reach_a_service_also_after_adoption(daemon, tmp_path, monkeypatch):
    """A pattern names two of three; none is in the environment; an adopting supervisor hands them again."""
    monkeypatch.setenv("CRYPTOBOT_PASSPHRASE", "a passphrase of the tests")
    vault = Vault(daemon.home)
    for name, text in CANARIES.items():
        vault.set(name, Secret(text))
    notes = probe(daemon, tmp_path, "venue.*")
    daemon.start()
    first = seen(daemon, notes)
    assert first["secrets"] == digests("venue.api_key", "venue.api_secret")
    assert "CRYPTOBOT_PASSPHRASE" not in first["environment"]
    assert not any(text in json.dumps(first["environment"]) for text in CANARIES.values())
    assert first["core"] == "1"

    daemon.kill()
    daemon.start()
    assert daemon.pid("probe") == first["pid"]
    os.kill(first["pid"], signal.SIGKILL)
    assert seen(daemon, notes, first["pid"])["secrets"] == first["secrets"]
    assert all(
        text.encode() not in path.read_bytes()
        for path in daemon.home.root.rglob("*")
        if path.is_file()
        for text in CANARIES.values()
    )


def test_a_limited_process_is_handed_its_secrets_too(daemon, tmp_path):
    """The slower way of starting, for limits, hands over the same."""
    Vault(daemon.home).set("other.token", Secret(CANARIES["other.token"]))
    notes = probe(daemon, tmp_path, "other.token", limits={"rlimits": {"nofile": 64}})
    daemon.start()
    assert seen(daemon, notes)["secrets"] == digests("other.token")


def test_a_changed_secret_comes_with_the_next_start(daemon, tmp_path):
    """The vault is read at each start of a service."""
    vault = Vault(daemon.home)
    notes = probe(daemon, tmp_path, "other.token")
    daemon.start()
    before = seen(daemon, notes)
    assert before["secrets"] == {}
    vault.set("other.token", Secret(CANARIES["other.token"]))
    with daemon.client() as client:
        client.restart("probe")
    assert seen(daemon, notes, before["pid"])["secrets"] == digests("other.token")


def test_without_the_passphrase_a_service_is_not_started_and_the_reason_is_told(
    daemon, tmp_path, monkeypatch
):
    """Who needs no secret runs all the same."""
    with monkeypatch.context() as patch:
        patch.setenv("CRYPTOBOT_PASSPHRASE", "a passphrase of the tests")
        Vault(daemon.home).set("other.token", Secret(CANARIES["other.token"]))
    probe(daemon, tmp_path, "other.token")
    daemon.service("plain", "ready")
    daemon.start()
    assert "give it in CRYPTOBOT_PASSPHRASE" in daemon.until("probe", "FATAL")["reason"]
    assert daemon.until("plain", "RUNNING")["ready"]
