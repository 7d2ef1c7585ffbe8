"""`cryptobot addon …` as two people use it: an author, and somebody who is given a bundle."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_bundle_goes_from_its_author_to_another_person(cryptobot: Run, home: Path, tmp_path: Path) -> None:
    """Packed, refused, trusted, listed, found by the strategies, verified, tampered with, removed."""
    author = str(tmp_path / "author")
    assert cryptobot("strategy", "new", "fresh-idea", "--home", author).returncode == 0
    source = str(tmp_path / "author" / "strategies" / "fresh_idea.py")
    packed = cryptobot("addon", "pack", source, "-o", str(tmp_path), "--home", author)
    bundle = packed.stdout.strip()
    key = packed.stderr.strip().removesuffix(".").split()[-1]

    refused = cryptobot("addon", "install", bundle)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert f"--trust {key}" in refused.stderr

    taken = cryptobot("addon", "install", bundle, "--trust", key, "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["provides"] == {"strategies": ["fresh-idea"]}

    listed = json.loads(cryptobot("addon", "list", "--json").stdout)
    assert [one["receipt"]["signer"] for one in listed] == [key]
    assert "fresh-idea" in json.loads(cryptobot("strategy", "list", "--json").stdout)["available"]
    assert cryptobot("addon", "verify").returncode == 0

    code = next((home / "addons").rglob("cryptobot_strategy_fresh_idea.py"))
    code.write_text(code.read_text() + "\nEVIL = 1\n")
    tampered = cryptobot("addon", "verify", "--json")
    assert tampered.returncode == 1
    assert json.loads(tampered.stdout)[0]["wrong"] == ["cryptobot_strategy_fresh_idea.py was changed."]

    name = "cryptobot-strategy-fresh-idea"
    cryptobot("config", "set", "strategy.instances.run.strategy", "fresh-idea")
    in_use = cryptobot("addon", "remove", name)
    assert (in_use.returncode, "strategy.instances.run" in in_use.stderr) == (2, True)
    assert cryptobot("addon", "remove", name, "--force").returncode == 0
    assert cryptobot("addon", "list", "--json").stdout.strip() == "[]"


def test_a_name_that_is_bundled_is_refused(cryptobot: Run, tmp_path: Path) -> None:
    """Two strategies of one name would stop all of them."""
    source = tmp_path / "grid.py"
    source.write_text("from cryptobot import Strategy\n\n\nclass Mine(Strategy):\n    pass\n")
    bundle = cryptobot("addon", "pack", str(source), "-o", str(tmp_path)).stdout.strip()

    refused = cryptobot("addon", "install", bundle)

    assert refused.returncode == 2
    assert "brings a strategy grid, and there is one of that name already" in refused.stderr


def test_a_double_click_without_a_terminal_asks_nobody(cryptobot: Run, tmp_path: Path) -> None:
    """What it is and who signed it are shown; nothing is installed without a yes."""
    source = tmp_path / "calm.py"
    source.write_text("from cryptobot import Strategy\n\n\nclass Calm(Strategy):\n    pass\n")
    bundle = cryptobot("addon", "pack", str(source), "-o", str(tmp_path)).stdout.strip()

    opened = cryptobot("addon", "open", bundle)

    assert opened.returncode == 2
    assert "strategies: calm" in opened.stderr
    assert cryptobot("addon", "list", "--json").stdout.strip() == "[]"
