"""ccxt is a part of its own: another version from PyPI takes its place, without a new program.

CRYPTOBOT_TEST_CCXT names the version; the part is made by the Python that runs this, which must be of the
minor version that the program holds.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
OTHER = os.environ.get("CRYPTOBOT_TEST_CCXT", "4.5.84")
TELLS = """\
import ccxt
raise RuntimeError("ccxt " + ccxt.__version__ + " of " + ccxt.__path__[0])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of another ccxt, from PyPI."""
    folder = tmp_path_factory.mktemp("ccxt")
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run(
        [*words, f"ccxt=={OTHER}"], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.skip(f"ccxt {OTHER} cannot be had: {done.stderr.strip()[-200:]}")
    return next(folder.glob("ccxt-*.whl"))


def in_use(program: Any) -> str:
    """Version and place of the ccxt that the compiled program imports, told by a file in the home."""
    place = Path(program.home) / "connectors"
    place.mkdir(parents=True, exist_ok=True)
    (place / "teller.py").write_text(TELLS)
    words = ("data", "fetch", "BTC/USD", "1h", "--exchange", "teller", "--from", "2026-01-01")
    return str(program.run(*words).stderr)


def copy(folder: Path, target: Path) -> Path:
    """A program folder that can be changed: links to the files, but for the parts."""
    shutil.copytree(
        folder, target, symlinks=True, copy_function=os.link, ignore=shutil.ignore_patterns("parts")
    )
    shutil.copytree(folder / "parts", target / "parts", symlinks=True)
    return target


def reaches_kraken(program: Any) -> None:
    """A fetch gets as far as the network, by a proxy that nobody is."""
    program.environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = program.run("data", "fetch", "BTC/USD", "1h", "--exchange", "kraken", "--from", "2026-01-01")
    assert "ExchangeNotAvailable" in done.stderr, done.stderr


def test_parts_py_replaces_it(program: Any, folder: Path, tmp_path: Path, wheel: Path) -> None:
    """One command; the program's own files stay, and the other version is the one in use."""
    other = copy(folder, tmp_path / "cryptobot")
    script = str(ROOT / "build" / "binary" / "parts.py")
    requirement = f"ccxt @ {wheel.as_uri()}"
    done = subprocess.run(
        [sys.executable, script, requirement, str(other)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"ccxt {OTHER}" in done.stdout
    program.executable = other / "cryptobot"
    assert f"ccxt {OTHER} of {other / 'parts' / 'ccxt'}" in in_use(program)
    reaches_kraken(program)
    assert not (other / "parts" / "ccxt" / "ccxt" / "pro" / "kraken.py").exists()


def test_a_wheel_unpacked_into_the_parts_folder_replaces_it(
    program: Any, folder: Path, tmp_path: Path, wheel: Path
) -> None:
    """By hand, without any Python: the old folder away, the wheel unpacked in its place."""
    other = copy(folder, tmp_path / "cryptobot")
    place = other / "parts" / "ccxt"
    for old in (place / "ccxt", *place.glob("ccxt-*.dist-info")):
        shutil.rmtree(old)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    program.executable = other / "cryptobot"
    assert f"ccxt {OTHER} of {place}" in in_use(program)
    reaches_kraken(program)


def test_a_wheel_in_the_home_goes_before_the_part(program: Any, wheel: Path) -> None:
    """As it was downloaded, zipped: what a person without write access to the program does."""
    addons = Path(program.home) / "addons"
    addons.mkdir(parents=True)
    shutil.copy(wheel, addons)
    assert f"ccxt {OTHER} of {addons / wheel.name}" in in_use(program)
    reaches_kraken(program)


def test_the_doctor_is_content_with_it(program: Any, wheel: Path) -> None:
    """Another version of ccxt is no fault."""
    addons = Path(program.home) / "addons"
    addons.mkdir(parents=True)
    shutil.copy(wheel, addons)
    found = program.run("doctor", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["unreadable"] == []
