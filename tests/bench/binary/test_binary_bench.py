"""The compiled program beside the source installation: size, start, memory.

CRYPTOBOT_TEST_BINARY names the folder, CRYPTOBOT_TEST_PYTHON the Python of the source installation; the
single files are looked for beside the folder.
"""

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("CRYPTOBOT_TEST_BINARY", "") or ROOT / "dist" / "cryptobot")
PYTHON = os.environ.get("CRYPTOBOT_TEST_PYTHON", sys.executable)
ROUNDS = 15


def forms() -> dict[str, list[str]]:
    """What starts each form that is there."""
    single = [path for path in FOLDER.parent.glob("cryptobot-*-*-*") if path.is_file()]
    found = {"source": [PYTHON, "-m", "cryptobot"], "folder": [str(FOLDER / "cryptobot")]}
    return found | {path.name: [str(path)] for path in single}


def size_mb(path: Path) -> float:
    """Of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if not each.is_dir()]
    return sum(each.lstat().st_size for each in files) / 1e6


def cost_ms(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Medians of the time and of the processor time of one command, in milliseconds."""
    walls, processors = [], []
    for _ in range(ROUNDS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
        walls.append((time.perf_counter() - began) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processors.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(walls), statistics.median(processors)


def service_ms(words: list[str], home: Path, environment: dict[str, str]) -> float:
    """Median time from starting the process of the bus until it says that it is ready (sd_notify)."""
    taken = []
    for turn in range(5):
        path = home.parent / f"{home.name}-{turn}.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.bind(str(path))
            door.settimeout(60)
            began = time.perf_counter()
            process = subprocess.Popen(
                [*words, "--home", str(home), "service", "run", "bus"],
                env={**environment, "NOTIFY_SOCKET": str(path)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while b"READY=1" not in door.recv(65536):
                pass
            taken.append((time.perf_counter() - began) * 1000)
            process.terminate()
            process.wait(60)
    return statistics.median(taken)


def platform(words: list[str], home: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The whole platform detached: time until ready, and of each service its CPU and memory then."""
    began = time.perf_counter()
    up = [*words, "up", "-d", "--home", str(home), "--set", "dashboard.port=0"]
    subprocess.run(up, env=environment, check=True, capture_output=True, timeout=300)
    ready_s = time.perf_counter() - began
    try:
        status = [*words, "status", "--json", "--home", str(home)]
        told = json.loads(subprocess.run(status, env=environment, check=True, capture_output=True).stdout)
        services = {}
        for one in told["services"]:
            if one["pid"]:
                process = psutil.Process(one["pid"])
                times, memory = process.cpu_times(), process.memory_full_info()
                services[one["name"]] = (times.user + times.system, memory.rss / 1e6, memory.uss / 1e6)
    finally:
        subprocess.run(
            [*words, "down", "--home", str(home)], env=environment, check=False, capture_output=True
        )
    return {"ready_s": ready_s, "services": services}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing but a home."""
    (tmp_path / "person").mkdir()
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "person")}


@pytest.mark.skipif(not (FOLDER / "cryptobot").is_file(), reason="no compiled program in dist/cryptobot")
def test_cost_of_being_compiled(
    tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints sizes, `--version`, and the platform's start and memory, form by form."""
    lines = [f"{size_mb(path):8.1f} MB  {path.name}" for path in sorted(FOLDER.parent.glob("cryptobot*"))]
    lines += [f"{size_mb(path):8.1f} MB  {path.relative_to(FOLDER)}" for path in (FOLDER / "parts").glob("*")]
    for number, (name, words) in enumerate(forms().items()):
        lines += measured(name, words, tmp_path / f"home{number}", environment)
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert lines


def measured(name: str, words: list[str], home: Path, environment: dict[str, str]) -> list[str]:
    """Lines about one form: its start, the platform in a new home and in one that ran before, one service."""
    began = time.perf_counter()
    subprocess.run([*words, "--version"], env=environment, check=True, capture_output=True)
    first_ms = (time.perf_counter() - began) * 1000  # a single file unpacks then
    wall, processor = cost_ms([*words, "--version"], environment)
    lines = [f"{name}: --version {wall:.0f} ms, CPU {processor:.0f} ms; the first {first_ms:.0f} ms"]
    new_s = platform(words, home, environment)["ready_s"]
    lines += told(name, platform(words, home, environment))
    lines.append(f"    in a new home ready after {new_s:.1f} s")
    lines.append(f"    a start of the bus until ready: {service_ms(words, home, environment):.0f} ms")
    return lines


def told(name: str, found: dict[str, Any]) -> list[str]:
    """Lines about one form's platform."""
    services: dict[str, tuple[float, float, float]] = found["services"]

    def total(at: int) -> float:
        return sum(one[at] for one in services.values())

    lines = [
        f"{name}: ready after {found['ready_s']:.1f} s; {len(services)} services, CPU {total(0):.1f} s, "
        f"RSS {total(1):.0f} MB, USS {total(2):.0f} MB"
    ]
    for service in ("bus", "data", "dashboard"):
        processor, rss, uss = services[service]
        lines.append(f"    {service}: CPU {processor * 1000:.0f} ms, RSS {rss:.0f} MB, USS {uss:.0f} MB")
    return lines
