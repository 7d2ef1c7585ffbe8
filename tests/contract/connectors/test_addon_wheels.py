"""Connectors as distributions of their own: built, dropped into a home, loaded by a program without them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMES = ("binance", "coinbase", "kraken", "bybit", "okx")
# A program from which the built-in connectors were left out, and what it finds then.
LOAD = """
import asyncio, sys
LEFT_OUT = {"cryptobot.services.connectors." + name for name in sys.argv[2].split(",")}
class Without:
    def find_spec(self, name, path=None, target=None):
        if name in LEFT_OUT:
            raise ModuleNotFoundError("left out", name=name)
sys.meta_path.insert(0, Without())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in LEFT_OUT else find(name, package)
from pathlib import Path
from cryptobot.configs import addons
from cryptobot.configs.paths import Home
from cryptobot.services.connectors import registry
from cryptobot.services.connectors.connector import OpenContext
addons.use(Home(Path(sys.argv[1])))
async def main():
    for name in sys.argv[2].split(","):
        found = registry.find(name)
        venue = await found.open(OpenContext(bus=None, credentials=None, timeout_s=1.0, silence_s=1.0))
        pro = (m.split(".") for m in sys.modules if m.startswith("ccxt.pro."))
        loaded = sorted(parts[2] for parts in pro if len(parts) == 3)
        print(name, found.name, venue.name, sys.modules["cryptobot_connector_" + name].__name__, loaded)
        await venue.close()
asyncio.run(main())
"""


def build(name: str, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, os.fspath(ROOT / "build" / "connector_wheel.py"), name, os.fspath(folder)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return Path(done.stdout.strip())


def loaded(home: Path, names: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, os.fspath(home), names],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("unpacked", [False, True], ids=["wheel", "unpacked"])
def test_a_program_without_connectors_takes_them_from_the_home(tmp_path: Path, unpacked: bool) -> None:
    """All five come from HOME/addons, as wheels or unpacked, and only the exchanges in use are imported."""
    home, wheels = tmp_path / "home", tmp_path / "wheels"
    (home / "addons").mkdir(parents=True)
    for name in NAMES:
        wheel = build(name, wheels)
        if unpacked:
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(home / "addons" / name)
        else:
            wheel.rename(home / "addons" / wheel.name)

    lines = loaded(home, ",".join(NAMES))

    assert [line.split()[:4] for line in lines] == [
        [name, name, name, f"cryptobot_connector_{name}"] for name in NAMES
    ]
    assert lines[0].endswith("['binance']")


def test_the_same_sources_give_the_same_wheel(tmp_path: Path) -> None:
    """A wheel can be built again and compared byte by byte."""
    first, second = build("kraken", tmp_path / "a"), build("kraken", tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_pip_takes_the_wheel(tmp_path: Path) -> None:
    """The wheel is a valid distribution: pip unpacks it and its entry point is there."""
    wheel = build("kraken", tmp_path)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
         os.fspath(tmp_path / "site"), os.fspath(wheel)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    entry = next((tmp_path / "site").glob("*.dist-info/entry_points.txt")).read_text()
    assert "kraken = cryptobot_connector_kraken.kraken:CONNECTOR" in entry
