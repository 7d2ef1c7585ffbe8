"""`cryptobot setup` and `cryptobot uninstall` as a person runs them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_set_up_and_taken_away(cryptobot: Run, home: Path, tmp_path: Path) -> None:
    """Made, shown, refused without an answer, and gone in the end; stdout holds JSON alone."""
    made = cryptobot("setup", "--shortcuts", "--json")
    assert made.returncode == 0, made.stderr
    assert [step["made"] for step in json.loads(made.stdout)["steps"]] == [True, False, True, True, False]
    assert (tmp_path / "person" / "share" / "applications" / "org.cryptobot.CryptoBot.desktop").exists()

    refused = cryptobot("uninstall")
    assert refused.returncode == 2
    assert "keys, certificates and secrets" in refused.stderr
    assert "There is nobody to ask" in refused.stderr

    plan = json.loads(cryptobot("uninstall", "--plan", "--json").stdout)
    assert (len(plan["shortcuts"]), plan["done"]) == (4, [])
    assert "pip uninstall cryptobot" in plan["program"]

    assert cryptobot("uninstall", "--yes").returncode == 0
    assert (home / "keys" / "machine-key").exists()
    gone = cryptobot("uninstall", "--yes", "--delete-data")
    assert (gone.returncode, home.exists()) == (0, False)
    assert not list((tmp_path / "person" / "share").rglob("org.cryptobot*"))


def test_a_running_platform_is_not_taken_away(cryptobot: Run, home: Path) -> None:
    """Neither is it set up under its feet; the sentence says how it is stopped."""
    alone = [word for name in ("auth", "paper", "data", "trade", "strategy", "dashboard", "monitor")
             for word in ("--set", f"services.{name}.enabled=false")]  # fmt: skip
    started = cryptobot("up", "-d", *alone)
    try:
        assert started.returncode == 0, started.stderr
        refused = cryptobot("uninstall", "--yes", "--delete-data")
        assert (refused.returncode, "cryptobot down" in refused.stderr) == (2, True)
        assert cryptobot("setup").returncode == 2
    finally:
        cryptobot("down")
    assert home.exists()
