"""A whole run of the platform writes no secret: planted ones are looked for in every file and output."""

import os
import subprocess
import sys

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.secret import Secret
from cryptobot.configs.vault import Vault

CANARY = "canary-4711-planted-secret"
PASSPHRASE = "canary-0815-passphrase"


@pytest.mark.slow
def test_a_demo_writes_no_secret_anywhere(tmp_path):
    """After a demo neither a vault secret nor its passphrase is in any file, log or output of the run."""
    home = Home(tmp_path / "home")
    home.create()
    variables = {"CRYPTOBOT_PASSPHRASE": PASSPHRASE}
    Vault(home, environ=variables).set("binance.api_secret", Secret(CANARY))
    command = [sys.executable, "-m", "cryptobot", "demo", "--for", "15s", "--json", "--no-browser"]
    command += ["--home", str(home.root), "--set", "dashboard.port=0", "--set", "log.level=debug"]
    done = subprocess.run(
        command, capture_output=True, timeout=300, check=False, env={**os.environ, **variables}
    )
    password = (home.keys / "initial-password").read_bytes().strip()
    assert done.returncode in (0, 1), done.stderr
    written = {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()}
    assert any(path.parent == home.logs for path in written)
    for secret in (CANARY.encode(), PASSPHRASE.encode()):
        assert secret not in done.stdout + done.stderr
        assert [path for path, content in written.items() if secret in content] == []
    holders = [path.name for path, content in written.items() if password in content]
    assert holders == ["initial-password"]
    assert Vault(home, environ=variables).get("binance.api_secret").reveal() == CANARY
