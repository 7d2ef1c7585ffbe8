"""The master key in real keychains: the Secret Service of a desktop, and keyring's file."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

CANARY = "canary-keychain-0815"
WORK = """
import sys
from pathlib import Path
import keyring
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault
home = Home(Path(sys.argv[1]))
home.create()
vault = Vault(home)
if sys.argv[2] == "store":
    vault.set("binance.api_key", Secret(sys.argv[3]))
    vault.rotate_master("keychain")
    old = [path.name for path in home.keys.glob("vault-key-*")]
    assert old == [], old
if sys.argv[2] == "rotate":
    before = vault._read().protection
    vault.rotate_master()
    from cryptobot.configs import masterkey
    assert keyring.get_password("cryptobot", masterkey._entry(home, before)) is None
assert vault.get("binance.api_key").reveal() == sys.argv[3]
print(type(keyring.get_keyring()).__module__, vault.protection)
"""


@pytest.fixture(params=["secret service", "file"])
def keychain(request, tmp_path):
    """Runs steps, each a process of its own, with one keychain; its module's name."""
    if importlib.util.find_spec("keyring") is None:
        pytest.skip("the package keyring is not installed")
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
    environ = clean | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    if request.param == "file":
        if importlib.util.find_spec("keyrings.alt") is None:
            pytest.skip("the package keyrings.alt is not installed")
        environ["PYTHON_KEYRING_BACKEND"] = "keyrings.alt.file.PlaintextKeyring"
        around: list[str] = []
    else:
        for program in ("dbus-run-session", "gnome-keyring-daemon"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        around = ["dbus-run-session", "--"]
        environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.SecretService.Keyring"
    (tmp_path / "work.py").write_text(WORK)

    def run(*steps):
        unlock = (
            ""
            if request.param == "file"
            else "printf pw | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1 && "
        )
        calls = " && ".join(
            f"{sys.executable} {tmp_path}/work.py {tmp_path}/home {step} {CANARY}" for step in steps
        )
        return subprocess.run(
            [*around, "sh", "-c", unlock + calls],
            env=environ, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    return run, "keyrings.alt.file" if request.param == "file" else "keyring.backends.SecretService"


def test_a_real_keychain_keeps_the_master_key(keychain, tmp_path):
    """Stored, read by another process, rotated; the old entry is gone; a later session reads it still."""
    run, module = keychain
    done = run("store", "read", "rotate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{module} keychain"] * 3
    again = run("read")
    assert (again.returncode, again.stdout) == (0, f"{module} keychain\n"), again.stderr
    home = tmp_path / "home"
    assert all(CANARY.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_without_a_keychain_there_is_a_sentence(tmp_path):
    """On a server nobody answers: the vault stays as it was, with its old key."""
    if importlib.util.find_spec("keyring") is None:
        pytest.skip("the package keyring is not installed")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CRYPTOBOT", "DBUS"))}
    environ = clean | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    command = [sys.executable, "-m", "cryptobot", "--home", str(tmp_path / "home"), "secret"]

    def run(*words, **more):
        return subprocess.run(
            [*command, *words], env=environ, capture_output=True, text=True, timeout=60, check=False, **more
        )

    assert run("set", "binance.api_key", input=CANARY).returncode == 0
    done = run("rotate", "--to", "keychain")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "The keychain cannot be used" in done.stderr
    assert run("rotate").returncode == 0
