"""The demo of the compiled program where there is nothing else, and kill -9 of its processes."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

QUICK = "paper.start=1010"


def services(program: Any) -> dict[str, dict[str, Any]]:
    """The services that run, by name."""
    return {one["name"]: one for one in program.ask("status")["services"] if one["pid"]}


@pytest.fixture(params=["folder", "onefile"])
def either(request: pytest.FixtureRequest, program: Any) -> Any:
    """The folder or the one file; `inner` is what all its processes run."""
    place = program.executable.parent
    if request.param == "onefile":
        program.executable = request.getfixturevalue("onefile")
        assert program.run("--version").returncode == 0
        (place,) = (Path(program.environment["HOME"]) / ".cache" / "cryptobot").glob("[0-9]*")
    program.inner = place / "program" / "cryptobot.bin"
    return program


def assert_one_executable(program: Any) -> None:
    """Every process of the home runs the same file."""
    assert {process.exe() for process in program.processes()} == {str(program.inner)}


def files(program: Any) -> dict[str, tuple[int, int]]:
    """Inode and time of everything beside that file."""
    found = {str(path): path.lstat() for path in program.inner.parent.parent.rglob("*")}
    return {path: (stat.st_ino, stat.st_ctime_ns) for path, stat in found.items()}


def assert_one_of_each(program: Any) -> None:
    """Of every service and of the supervisor there is exactly one process."""
    words = [" ".join(process.cmdline()) for process in program.processes()]
    runs = [line.rpartition(" service run ")[2] for line in words if " service run " in line]
    assert sorted(runs) == sorted({*services(program), "supervisor"})


def test_the_demo_trades_and_survives_kills(either: Any, until: Any) -> None:
    """Every process is the same file, unpacked once; killed children are healed, the supervisor's adopted."""
    program, before_all = either, files(either)
    demo = program.start("demo", "--no-browser", "--set", QUICK, "--set", "dashboard.port=0")
    demo.wait_for("bought ")
    assert_one_executable(program)
    assert_one_of_each(program)

    for victim in ("trade", "bus"):
        at, before = len(demo.lines), services(program)[victim]["pid"]
        os.kill(before, signal.SIGKILL)
        demo.wait_for(f"{victim} is RUNNING", after=at)
        after = services(program)[victim]
        assert (after["restarts"], after["pid"] != before) == (1, True)

    at, pids = len(demo.lines), {name: one["pid"] for name, one in services(program).items()}
    supervisor = int(program.ask("status")["supervisor"]["pid"])
    os.kill(supervisor, signal.SIGKILL)
    demo.wait_for("takes the services over", after=at)
    demo.wait_for("sold ", after=at)
    assert {name: one["pid"] for name, one in services(program).items()} == pids
    assert_one_of_each(program)

    assert demo.end(signal.SIGINT) == 0, "\n".join(demo.lines)
    until(lambda: program.processes() == [], "no process of the demo is left")
    assert files(program) == before_all


def test_the_demo_of_the_minimal_variant_makes_fills(program: Any, minimal: Path) -> None:
    """Nothing that the paper exchange wants is among the extras."""
    program.executable = minimal / "cryptobot"
    options = ("--for", "40s", "--no-browser", "--json", "--set", QUICK, "--set", "dashboard.port=0")
    done = program.run("demo", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.strip().splitlines()[-1])["fills"] > 0


def test_the_platform_runs_detached_and_is_adopted(either: Any, until: Any) -> None:
    """`up -d` with an empty environment; the next `up` after kill -9 takes the same processes over."""
    program = either
    options = ("--set", "dashboard.port=0")
    assert program.run("up", "-d", *options).returncode == 0
    pids = {name: one["pid"] for name, one in services(program).items()}
    assert_one_executable(program)
    killed = psutil.Process(int(program.ask("status")["supervisor"]["pid"]))
    killed.kill()
    until(
        lambda: not killed.is_running() or killed.status() == psutil.STATUS_ZOMBIE, "the supervisor is dead"
    )

    done = program.run("up", "-d", *options)
    assert done.returncode == 0, done.stderr
    assert {name: one["pid"] for name, one in services(program).items()} == pids
    assert_one_of_each(program)
    assert program.run("down").returncode == 0
    until(lambda: program.processes() == [], "no process is left")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_ends_in_order_on_a_signal(program: Any, number: int, until: Any) -> None:
    """As a service manager ends it; no process is left."""
    running = program.start("up", "--set", "dashboard.port=0")
    running.wait_for("dashboard  ready")
    assert running.end(number) == 0, "\n".join(running.lines)
    until(lambda: program.processes() == [], "no process is left")
