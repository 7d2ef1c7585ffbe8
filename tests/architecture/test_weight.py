"""What is not loaded: start time and memory are features."""

import subprocess
import sys

import pytest

HEAVY = ("zmq", "flask", "ccxt", "numpy", "peewee", "rich", "uvicorn", "cryptography")


def loaded_by(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter that runs `code`."""
    report = (
        "import sys; print('\\n'.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def command(*words: str) -> str:
    """Code that runs one command in its interpreter."""
    return f"from cryptobot.supervisor.cli.main import run; run({list(words)!r})"


def test_the_strategy_api_is_light() -> None:
    """An author's file loads no transport, no web server and no exchange library."""
    loaded = loaded_by("from cryptobot import Strategy")

    assert loaded.isdisjoint({"zmq", "flask", "ccxt", "peewee", "rich"})


@pytest.mark.parametrize("package", ["cryptobot", "cryptobot.bus.contracts.trade", "cryptobot.bus.topics"])
def test_contracts_are_light(package: str) -> None:
    """Whoever only reads messages pays for no transport."""
    assert loaded_by(f"import {package}").isdisjoint(HEAVY)


def test_version_loads_nothing() -> None:
    """Not even the parser of the command line."""
    assert loaded_by(command("--version")).isdisjoint({*HEAVY, "click", "msgspec"})


def test_help_loads_no_command() -> None:
    """The help comes from the table."""
    assert loaded_by(command("--help")).isdisjoint({*HEAVY, "msgspec"})


def test_status_is_light(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It asks the control socket; bus, exchange and web stay on disk."""
    home = str(tmp_path_factory.mktemp("home"))

    loaded = loaded_by(command("status", "--home", home))

    assert loaded.isdisjoint(HEAVY)
