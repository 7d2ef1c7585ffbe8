"""What a user adds to the compiled program: strategies, connectors as wheels, another ccxt."""

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
RARE = "import cmath, colorsys, plistlib, smtplib, wave\n"
"""Modules of the standard library that no part of the program uses."""


@pytest.fixture
def strategy(program: Any) -> Path:
    """A strategy file of the home, as `strategy new` writes one."""
    assert program.run("strategy", "new", "my-idea").returncode == 0
    path = Path(program.home) / "strategies" / "my_idea.py"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], RARE, *lines[1:]]))
    return path


@pytest.fixture
def strategy_wheel(tmp_path: Path, strategy: Path) -> Path:
    """A wheel that brings a strategy by an entry point."""
    path = tmp_path / "outside_strategy-1.0-py3-none-any.whl"
    info = "outside_strategy-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("outside_strategy.py", strategy.read_text())
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: outside-strategy\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/entry_points.txt", "[cryptobot.strategies]\nouter = outside_strategy:MyIdea\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def addons_of(program: Any) -> Path:
    """The folder of add-ons of the program's home."""
    found = Path(program.home) / "addons"
    found.mkdir(parents=True)
    return found


def check(program: Any, name: str) -> None:
    """Run a strategy over made-up candles in every way there is."""
    done = program.run("strategy", "check", name)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_strategy_file_of_the_home_runs(program: Any, strategy: Path) -> None:
    """It derives from a compiled class and imports rare modules of the standard library."""
    check(program, "my-idea")


def test_a_zipped_wheel_brings_a_strategy(program: Any, strategy_wheel: Path) -> None:
    """Dropped into HOME/addons as it is."""
    shutil.copy(strategy_wheel, addons_of(program))
    assert "outer" in program.ask("doctor")["strategies"]


def test_an_unpacked_wheel_brings_a_strategy(program: Any, strategy_wheel: Path) -> None:
    """Unpacked into a folder of HOME/addons."""
    with zipfile.ZipFile(strategy_wheel) as wheel:
        wheel.extractall(addons_of(program) / "outside")
    assert "outer" in program.ask("doctor")["strategies"]


@pytest.mark.parametrize("form", ["folder", "onefile"])
def test_an_installed_addon_that_was_changed_is_left_out(
    form: str, program: Any, strategy: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Packed, installed, run; changed on the disk: the next start says what, and does not run it."""
    if form == "onefile":
        program.executable = request.getfixturevalue("onefile")
    packed = program.run("addon", "pack", str(strategy), "-o", str(tmp_path))
    assert packed.returncode == 0, packed.stderr
    strategy.unlink()
    installed = program.run("addon", "install", packed.stdout.strip())
    assert installed.returncode == 0, installed.stderr
    check(program, "my-idea")

    code = next((Path(program.home) / "addons").rglob("cryptobot_strategy_my_idea.py"))
    code.write_text(code.read_text() + "\nEVIL = 1\n")
    done = program.run("strategy", "check", "my-idea")
    assert done.returncode != 0
    assert f"{code.name} was changed after it was installed" in done.stderr
    told = program.run("doctor", "--json")
    assert told.returncode == 1
    assert f"{code.name} was changed" in json.loads(told.stdout)["unreadable"][0]


@pytest.fixture
def connector_wheel(tmp_path: Path) -> Path:
    """The connector to Kraken as a wheel, under a name that the program does not have."""
    script = str(ROOT / "build" / "connector_wheel.py")
    python = os.environ.get("CRYPTOBOT_TEST_PYTHON", sys.executable)
    subprocess.run([python, script, "kraken", str(tmp_path)], check=True)
    (made,) = tmp_path.glob("cryptobot_connector_kraken-*.whl")
    path = tmp_path / "outer_kraken-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(
                name, data.replace(b"kraken = ", b"outer-kraken = ") if "entry_points" in name else data
            )
    return path


@pytest.mark.parametrize("form", ["zipped", "unpacked"])
def test_a_connector_wheel_serves_its_venue(form: str, program: Any, connector_wheel: Path) -> None:
    """It derives from compiled classes and finds ccxt; the venue itself is not reached, and that is told."""
    if form == "zipped":
        shutil.copy(connector_wheel, addons_of(program))
    else:
        with zipfile.ZipFile(connector_wheel) as wheel:
            wheel.extractall(addons_of(program) / "outer")
    assert "outer-kraken" in program.ask("doctor")["connectors"]
    assert_reaches_out(program, "outer-kraken", "kraken")


def assert_reaches_out(program: Any, exchange: str, told: str) -> None:
    """A fetch gets as far as the network, by a proxy that nobody is; nothing leaves this machine."""
    program.environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = program.run("data", "fetch", "BTC/USDT", "1h", "--exchange", exchange, "--from", "2026-01-01")
    assert done.returncode != 0
    assert told in done.stderr
    assert "ExchangeNotAvailable" in done.stderr, done.stderr


def test_an_exchange_that_only_ccxt_knows_is_imported_alone(program: Any) -> None:
    """ccxt lies beside the program without its sources."""
    assert_reaches_out(program, "bitstamp", "bitstamp")


def test_without_the_part_it_says_what_a_venue_needs(program: Any, minimal: Path, tmp_path: Path) -> None:
    """ccxt's part was taken away: one sentence, no traceback."""
    bare, apart = tmp_path / "bare", shutil.ignore_patterns("parts")
    shutil.copytree(minimal, bare, symlinks=True, copy_function=os.link, ignore=apart)
    program.executable = bare / "cryptobot"
    done = program.run("data", "fetch", "BTC/USDT", "1h", "--exchange", "binance", "--from", "2026-01-01")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "full variant" in done.stderr


def test_another_ccxt_among_the_addons_is_the_one_in_use(program: Any, folder: Path) -> None:
    """HOME/addons goes before the part that came with the program."""
    shutil.copytree(folder / "parts" / "ccxt", addons_of(program) / "newer")
    (info,) = (Path(program.home) / "addons" / "newer").glob("ccxt-*.dist-info")
    (Path(program.home) / "addons" / "newer" / "ccxt" / "pro" / "bitstamp.pyc").unlink()
    assert info.is_dir()
    done = program.run("data", "fetch", "BTC/USDT", "1h", "--exchange", "bitstamp", "--from", "2026-01-01")
    assert "there is no venue 'bitstamp'" in done.stderr


def test_a_planted_module_beside_the_download_is_not_imported(
    program: Any, onefile: Path, tmp_path: Path
) -> None:
    """Neither from the folder of the downloaded file nor from the current one."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    target = downloads / "cryptobot"
    shutil.copy(onefile, target)
    for name in ("ccxt", "wave", "outside", "yaml", "cryptobot_plugin"):
        (downloads / f"{name}.py").write_text("raise SystemExit('planted code ran')\n")
    program.executable = target
    done = subprocess.run(
        [str(target), "doctor", "--json", "--home", str(program.home)],
        capture_output=True,
        text=True,
        env=program.environment,
        cwd=downloads,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ccxt" in json.loads(done.stdout)["extras"]
