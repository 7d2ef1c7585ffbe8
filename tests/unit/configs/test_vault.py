"""Secrets are stored encrypted, opened by whoever holds the master key, and survive crashes."""

import json
import multiprocessing
import os
import signal
import stat
import sys

import pytest
from cryptobot.configs import handover, masterkey
from cryptobot.configs.errors import SettingsError, StartError
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault

CANARY = "canary-5f1e-secret"


@pytest.fixture
def vault(home):
    """A vault with a machine key."""
    return Vault(home, environ={})


def everything_under(folder):
    """All bytes of all files."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_secret_comes_back_and_is_nowhere_in_the_clear(vault, home):
    """What was stored is what is read; no file of the home holds it."""
    vault.set("binance.api_secret", Secret(CANARY))
    assert Vault(home, environ={}).get("binance.api_secret").reveal() == CANARY
    assert CANARY.encode() not in everything_under(home.root)


@pytest.mark.skipif(os.name != "posix", reason="modes are unix")
def test_vault_and_key_are_for_their_owner_only(vault, home):
    """Both files have mode 0600."""
    vault.set("a", Secret("x" * 10))
    for path in home.keys.iterdir():
        if path.suffix != ".lock":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_listing_needs_no_key_and_shows_no_text(vault, home):
    """Names, versions and dates can be told by anyone who can read the file."""
    vault.set("b.key", Secret(CANARY))
    vault.set("b.key", Secret(CANARY + "2"))
    vault.set("a.key", Secret(CANARY), rotate_days=0)
    for path in home.keys.glob("vault-key-*"):
        path.unlink()
    listed = vault.names()
    assert [(info.name, info.version, info.due) for info in listed] == [
        ("a.key", 1, False),
        ("b.key", 2, False),
    ]
    assert "canary" not in repr(listed)


def test_old_secrets_are_due(vault, home):
    """A secret that is older than its policy asks for a change."""
    vault.set("a", Secret("long enough"), rotate_days=1)
    path = home.keys / "secrets.json"
    content = json.loads(path.read_text())
    content["secrets"]["a"]["changed_ms"] -= 2 * 86_400_000
    path.write_text(json.dumps(content))
    assert vault.names()[0].due


@pytest.mark.parametrize("kind", ["machine", "passphrase", "environment"])
def test_master_keys_of_all_kinds_open_the_vault(home, kind):
    """After a change of the master key's kind the secrets are the same."""
    environ = {masterkey.KEY_VARIABLE: "ab" * 32}
    vault = Vault(home, environ=environ)
    vault.set("a", Secret(CANARY))
    passphrase = Secret("correct horse battery") if kind == "passphrase" else None
    vault.rotate_master(kind, passphrase=passphrase)
    assert vault.protection == kind
    assert Vault(home, passphrase=passphrase, environ=environ).get("a").reveal() == CANARY


def test_a_wrong_passphrase_is_told(home):
    """The error says that it is the passphrase; nothing is changed by trying to store."""
    vault = Vault(home, environ={masterkey.PASSPHRASE_VARIABLE: "the right one"})
    vault.set("a", Secret(CANARY))
    before = (home.keys / "secrets.json").read_bytes()
    wrong = Vault(home, passphrase=Secret("the wrong one"), environ={})
    for action in (
        lambda: wrong.get("a"),
        lambda: wrong.set("b", Secret("x")),
        lambda: wrong.rotate_master("machine"),
    ):
        with pytest.raises(SettingsError, match="The passphrase is wrong"):
            action()
    with pytest.raises(SettingsError, match="CRYPTOBOT_PASSPHRASE"):
        Vault(home, environ={}).get("a")
    assert (home.keys / "secrets.json").read_bytes() == before


def test_a_wrong_environment_key_is_told(home):
    """A container with another key is told so."""
    Vault(home, environ={masterkey.KEY_VARIABLE: "ab" * 32}).set("a", Secret(CANARY))
    with pytest.raises(SettingsError, match="is not the key of these secrets"):
        Vault(home, environ={masterkey.KEY_VARIABLE: "cd" * 32}).get("a")
    with pytest.raises(SettingsError, match="64 hex digits"):
        Vault(home, environ={masterkey.KEY_VARIABLE: "ab"}).get("a")


def test_rotation_changes_the_key_and_removes_the_old_one(vault, home):
    """After rotation the old key file is gone, the sealed text is untouched, the sealed key is new."""
    vault.set("a", Secret(CANARY))
    old_key = list(home.keys.glob("vault-key-*"))
    old = json.loads((home.keys / "secrets.json").read_text())["secrets"]["a"]
    vault.rotate_master()
    new = json.loads((home.keys / "secrets.json").read_text())["secrets"]["a"]
    assert not old_key[0].exists()
    assert len(list(home.keys.glob("vault-key-*"))) == 1
    assert (old["text"], old["version"]) == (new["text"], new["version"])
    assert old["key"] != new["key"]
    assert vault.get("a").reveal() == CANARY


def test_the_age_of_the_master_key_is_known(vault, home):
    """0 is never; a home from before that was noted counts from its oldest secret."""
    assert not vault.master_due(1)
    vault.set("a", Secret(CANARY))
    path = home.keys / "secrets.json"
    content = json.loads(path.read_text())
    content["protection"]["made_ms"] = 0
    content["secrets"]["a"]["created_ms"] -= 10 * 86_400_000
    path.write_text(json.dumps(content))
    assert [vault.master_due(days) for days in (0, 9, 11)] == [False, True, False]
    vault.rotate_master()
    assert not vault.master_due(9)


def test_a_container_rotates_with_both_keys_in_its_environment(home):
    """The old key opens, the new one seals; afterwards the new one alone is given."""
    old, new = "ab" * 32, "cd" * 32
    Vault(home, environ={"CRYPTOBOT_MASTER_KEY": old}).set("a", Secret(CANARY))
    both = {"CRYPTOBOT_MASTER_KEY": old, "CRYPTOBOT_NEW_MASTER_KEY": new}
    Vault(home, environ=both).rotate_master()
    assert Vault(home, environ={"CRYPTOBOT_MASTER_KEY": new}).get("a").reveal() == CANARY
    with pytest.raises(SettingsError, match="is not the key"):
        Vault(home, environ={"CRYPTOBOT_MASTER_KEY": old}).get("a")


def test_exchanged_ciphertexts_are_noticed(vault, home):
    """One secret's text cannot be put in the place of another's."""
    vault.set("a", Secret("the first text"))
    vault.set("b", Secret("the second text"))
    path = home.keys / "secrets.json"
    content = json.loads(path.read_text())
    content["secrets"]["a"], content["secrets"]["b"] = content["secrets"]["b"], content["secrets"]["a"]
    path.write_text(json.dumps(content))
    with pytest.raises(SettingsError, match="damaged or was tampered with"):
        vault.get("a")


def test_a_damaged_file_is_told(vault, home):
    """A broken vault gives one sentence."""
    vault.set("a", Secret("text text"))
    (home.keys / "secrets.json").write_text("{")
    with pytest.raises(SettingsError, match="is damaged; restore it"):
        vault.get("a")


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "x" * 65])
def test_names_are_plain(vault, name):
    """A secret's name is a plain word with dots."""
    with pytest.raises(SettingsError, match="cannot name a secret"):
        vault.set(name, Secret("text"))


def test_unknown_secrets_name_the_nearest(vault):
    """A misspelt name is answered with the right one."""
    vault.set("binance.api_key", Secret("text text"))
    with pytest.raises(SettingsError, match=r"Did you mean binance\.api_key"):
        vault.get("binance.apikey")
    vault.remove("binance.api_key")
    with pytest.raises(SettingsError, match="Store it with"):
        vault.get("binance.api_key")


def _rotate_for_ever(root):
    vault = Vault(Home(root), environ={})
    while True:
        vault.rotate_master()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_kill_during_rotation_loses_no_secret(vault, home):
    """However often a rotation is killed, every secret can be read."""
    for number in range(5):
        vault.set(f"s{number}", Secret(f"{CANARY}-{number}"))
    context = multiprocessing.get_context("fork")
    for moment in range(12):
        worker = context.Process(target=_rotate_for_ever, args=(home.root,))
        worker.start()
        worker.join(0.02 + moment * 0.01)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join(10)
        fresh = Vault(home, environ={})
        assert [fresh.get(f"s{number}").reveal() for number in range(5)] == [
            f"{CANARY}-{n}" for n in range(5)
        ]


def test_full_disk_keeps_the_old_secret(vault, home, monkeypatch):
    """When the new value cannot be stored, the old one stays and the error says why."""
    vault.set("a", Secret(CANARY))

    def no_space(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(SettingsError, match="No space left"):
        patch.setattr("cryptobot.configs.files.os.fsync", no_space)
        vault.set("a", Secret("another"))
    assert vault.get("a").reveal() == CANARY


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_descriptor_carries_more_than_a_pipe_holds(monkeypatch, system):
    """Nobody waits for the reader, on systems without memory files either."""
    if system == "linux" and sys.platform != "linux":
        pytest.skip("this system has no memory files")
    monkeypatch.setattr(handover.sys, "platform", system)
    data = b"x" * (handover.MAX_BYTES * 4)
    with os.fdopen(handover.open_descriptor(data), "rb") as pipe:
        assert pipe.read() == data
    os.close(handover.open_descriptor(data))


def test_a_service_gets_only_what_its_manifest_names(vault):
    """The pipe carries the named secrets that exist, and the variable is gone afterwards."""
    vault.set("binance.api_key", Secret("key-123456"))
    vault.set("kraken.api_key", Secret("key-abcdef"))
    data = handover.pack(vault, ["binance.api_key", "binance.api_secret"])
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    environ = {handover.VARIABLE: str(reading)}
    received = handover.receive(environ)
    assert environ == {}
    assert received == {"binance.api_key": Secret("key-123456")}
    assert handover.receive(environ) is None
    with pytest.raises(StartError, match="cannot be read"):
        handover.receive({handover.VARIABLE: "99999"})


class FakeKeyring:
    """A keychain in memory."""

    class errors:  # noqa: N801  # the name of keyring's module
        class KeyringError(Exception):
            """As keyring's."""

    def __init__(self):
        self.entries = {}

    def set_password(self, service, entry, text):
        self.entries[service, entry] = text

    def get_password(self, service, entry):
        return self.entries.get((service, entry))

    def delete_password(self, service, entry):
        del self.entries[service, entry]


def test_the_keychain_holds_the_master_key(vault, home, monkeypatch):
    """With the keychain, no key lies in the home; rotation leaves one entry."""
    keyring = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", keyring.errors)
    vault.set("a", Secret(CANARY))
    vault.rotate_master("keychain")
    vault.rotate_master()
    assert list(home.keys.glob("vault-key-*")) == []
    assert len(keyring.entries) == 1
    assert Vault(home, environ={}).get("a").reveal() == CANARY
