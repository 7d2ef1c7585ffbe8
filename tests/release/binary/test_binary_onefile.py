"""The one-file form: it unpacks itself once, whole, and then is the program itself."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest


@pytest.fixture
def single(onefile: Path, program: Any) -> Any:
    """The one file in the place of the folder's executable."""
    program.executable = onefile
    return program


def cache(program: Any) -> Path:
    """Where it unpacks itself."""
    return Path(program.environment["HOME"]) / ".cache" / "cryptobot"


def unpacked(program: Any) -> Path:
    """The one folder that it unpacked."""
    (found,) = (path for path in cache(program).iterdir() if path.is_dir())
    return found


def test_it_unpacks_once_and_runs(single: Any) -> None:
    """The second start changes nothing in the cache."""
    first = single.run("--version")
    folder = unpacked(single)
    before = {path: path.lstat().st_ino for path in folder.rglob("*")}
    second = single.run("--version")
    assert (first.stdout, first.returncode) == (second.stdout, 0)
    assert {path: path.lstat().st_ino for path in folder.rglob("*")} == before


def test_starts_at_the_same_time_unpack_once(single: Any) -> None:
    """The others wait for the first; all run."""
    started = [
        subprocess.Popen(
            [str(single.executable), "--version"], env=single.environment, stdout=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    assert [process.wait(120) for process in started] == [0] * 4
    assert unpacked(single).name.startswith(single.run("--version").stdout.split()[1])


def test_it_becomes_the_program_under_its_own_number(single: Any, until: Any) -> None:
    """No process stands between: SIGTERM, and the exit code, are the program's own."""
    running = single.start("up", "--set", "dashboard.port=0")
    running.wait_for("dashboard  ready")
    inner = unpacked(single) / "program" / "cryptobot.bin"
    assert psutil.Process(running.process.pid).exe() == str(inner)
    assert {process.exe() for process in single.processes()} == {str(inner)}
    assert running.end(signal.SIGTERM) == 0
    until(lambda: single.processes() == [], "no process is left")


def test_kill_9_while_it_unpacks_leaves_nothing_half_done(single: Any, until: Any) -> None:
    """The next start sweeps and unpacks anew."""
    process = subprocess.Popen([str(single.executable), "--version"], env=single.environment)
    until(lambda: (cache(single) / ".unpacking").is_dir(), "it unpacks")
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [path.name for path in cache(single).iterdir() if path.is_dir()] == [".unpacking"]
    assert single.run("--version").returncode == 0
    assert not (cache(single) / ".unpacking").exists()


def test_a_cut_download_is_told(single: Any, tmp_path: Path) -> None:
    """With one sentence, and nothing is unpacked."""
    cut = tmp_path / "cut"
    data = single.executable.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    cut.chmod(0o755)
    single.executable = cut
    done = single.run("--version")
    assert (done.returncode, "download it again" in done.stderr) == (1, True)
    assert not cache(single).exists()


def test_a_damaged_download_is_told_and_leaves_nothing(single: Any, tmp_path: Path) -> None:
    """The archive has a checksum; the folder that was begun is swept."""
    bad = tmp_path / "bad"
    shutil.copy(single.executable, bad)
    with bad.open("r+b") as file:
        file.seek(bad.stat().st_size // 2)
        file.write(bytes(64))
    single.executable = bad
    done = single.run("--version")
    assert (done.returncode, "damaged" in done.stderr) == (1, True)
    assert [path for path in cache(single).iterdir() if path.is_dir()] == []


def test_a_folder_that_others_can_write_is_not_run(single: Any) -> None:
    """Somebody else may have put something there."""
    assert single.run("--version").returncode == 0
    unpacked(single).chmod(0o777)
    done = single.run("--version")
    assert (done.returncode, "only you can write" in done.stderr) == (1, True)


def test_without_a_home_it_asks_for_one(single: Any) -> None:
    """There is no place to unpack to."""
    single.environment.pop("HOME")
    done = single.run("--version")
    assert (done.returncode, "XDG_CACHE_HOME" in done.stderr) == (1, True)
