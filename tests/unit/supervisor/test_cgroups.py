"""Control groups against a tree of files as the kernel shows it, and against the kernel where it lets us."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptobot.supervisor.platform import cgroups
from cryptobot.supervisor.platform.base import SpawnRequest
from cryptobot.supervisor.platform.cgroups import Ceilings, Cgroups

if sys.platform != "linux":
    pytest.skip("control groups are Linux's", allow_module_level=True)

from cryptobot.supervisor.platform import linux


def _tree(tmp_path: Path, group: str = "/unit", controllers: str = "cpu io memory pids") -> dict[str, Path]:
    """What a delegated group looks like: mountinfo, our line, and the group's own files."""
    point = tmp_path / "cgroup"
    own = point / group.strip("/")
    own.mkdir(parents=True)
    (own / "cgroup.controllers").write_text(controllers + "\n")
    (own / "cgroup.subtree_control").write_text("")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (own / "cgroup.type").write_text("domain\n")
    mounts, line = tmp_path / "mountinfo", tmp_path / "self"
    mounts.write_text(
        f"24 1 0:22 / /proc rw - proc proc rw\n30 24 0:27 / {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
    )
    line.write_text(f"0::{group}\n")
    return {"mounts": mounts, "own": line, "group": own}


def _found(tree: dict[str, Path]) -> Cgroups | None:
    return cgroups.find("/home/x", mounts=tree["mounts"], own=tree["own"])


def test_a_delegated_group_is_split_and_we_step_aside(tmp_path: Path) -> None:
    """A group with controllers for its children may hold no process itself."""
    tree = _tree(tmp_path)
    found = _found(tree)
    assert found is not None
    assert found.controllers == {"memory", "cpu", "pids"}
    assert (tree["group"] / "supervisor" / "cgroup.procs").read_text() == str(os.getpid())


def test_the_next_supervisor_finds_the_place_of_the_first(tmp_path: Path) -> None:
    """It begins where the first had stepped aside to."""
    tree = _tree(tmp_path)
    assert _found(tree) is not None
    aside = tree["group"] / "supervisor"
    (aside / "cgroup.controllers").write_text("")
    (tree["group"] / "cgroup.procs").write_text("")
    tree["own"].write_text("0::/unit/supervisor\n")
    found = _found(tree)
    assert found is not None
    assert found.top == tree["group"]


@pytest.mark.parametrize("fault", ["strangers", "no controllers", "no version 2", "not ours"])
def test_where_it_cannot_be_had_there_is_none(tmp_path: Path, fault: str) -> None:
    """Then limits act by sampling."""
    tree = _tree(tmp_path, controllers="hugetlb" if fault == "no controllers" else "memory")
    if fault == "strangers":
        (tree["group"] / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    elif fault == "no version 2":
        tree["mounts"].write_text("")
    elif fault == "not ours":
        (tree["group"] / "cgroup.procs").unlink()
    assert _found(tree) is None


def test_a_service_gets_a_group_with_its_ceilings(tmp_path: Path) -> None:
    """memory.max, cpu.max of a tenth of a second, pids.max, and then the process."""
    tree = _tree(tmp_path)
    found = _found(tree)
    assert found is not None
    held = found.place("data", 4711, Ceilings(memory_bytes=100, cpu_percent=50.0, processes=7))
    assert held == ["memory", "memory", "cpu", "pids"]
    (group,) = tree["group"].glob("cryptobot-*-data")
    wanted = {"memory.max": "100", "memory.oom.group": "1", "cpu.max": "50000 100000", "pids.max": "7"}
    assert {file: (group / file).read_text() for file in wanted} == wanted
    assert found.pids("data") == {4711}
    assert found.kill("data")
    assert (group / "cgroup.kill").read_text() == "1"


def test_which_ceiling_ended_it_is_told(tmp_path: Path) -> None:
    """From the kernel's own counts."""
    tree = _tree(tmp_path)
    found = _found(tree)
    assert found is not None
    found.place("data", 4711, Ceilings(memory_bytes=100 * 1_048_576, processes=7))
    (group,) = tree["group"].glob("cryptobot-*-data")
    assert found.why("data") == ""
    (group / "pids.events").write_text("max 3\n")
    assert found.why("data") == "it reached its limit of 7 processes"
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert found.why("data") == "the kernel ended it: it reached its memory limit of 100 MiB"


def test_a_spawned_service_is_put_there_and_its_end_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform asks for groups once, only when a service has a ceiling, and counts by them."""
    asked = []
    found = Cgroups(tmp_path, frozenset({"memory", "pids"}), "m")

    def find(home: str, *, ours: object) -> Cgroups:
        asked.append(home)
        return found

    monkeypatch.setattr(linux.cgroups, "find", find)
    platform = linux.LinuxPlatform()
    output = os.open(os.devnull, os.O_WRONLY)
    plain = SpawnRequest(["/bin/sleep", "1000"], {}, output, "", {}, 0, ())
    pids = []
    try:
        pids.append(platform.spawn(plain._replace(service="free")))
        assert asked == []
        ceilings = Ceilings(memory_bytes=200 * 1_048_576, cpu_percent=50.0, processes=5)
        for name in ("data", "trade"):
            pids.append(platform.spawn(plain._replace(service=name, ceilings=ceilings)))
        assert len(asked) == 1
        assert (platform.held("data"), platform.held("free")) == ({"memory", "pids"}, frozenset())
        group = tmp_path / "cryptobot-m-data"
        assert (group / "cgroup.procs").read_text() == str(pids[1])
        assert platform.processes_of("data", pids[1]) == 1
        assert platform.limit_hit("data") == ""
        (group / "memory.events").write_text("oom_kill 1\n")
        assert platform.limit_hit("data").endswith("its memory limit of 200 MiB")
        assert platform.limit_hit("free") == ""
        platform.kill_tree(pids[1])
        assert (group / "cgroup.kill").read_text() == "1"
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(output)


def _writable() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4])
        if after.startswith("cgroup2 ") and os.access(point / "cgroup.procs", os.W_OK):
            return point
    return None


def test_a_whole_group_is_killed_in_one_stroke_by_the_kernel() -> None:
    """On a real tree of version 2, sessions of their own included."""
    point = _writable()
    if point is None:
        pytest.skip("no control groups of version 2 can be written here")
    found = Cgroups(point, frozenset(), f"test{os.getpid()}")
    child = subprocess.Popen(["sh", "-c", "setsid sleep 1000 & sleep 1000"], start_new_session=True)
    try:
        found.place("one", child.pid, Ceilings())
        if child.pid not in found.pids("one"):
            pytest.skip("this kernel lets nobody be moved here")
        later = subprocess.run(
            ["sh", "-c", f"echo $$ > {point}/cryptobot-test{os.getpid()}-one/cgroup.procs && sleep 0"],
            check=False,
        )
        assert later.returncode == 0
        if not found.kill("one"):
            pytest.skip("this kernel has no cgroup.kill")
        assert child.wait(45) == -9
    finally:
        child.kill()
        child.wait()
        found.remove("one")
