"""The Windows adapter against recorded calls: it has not run on Windows, its logic has."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import psutil
import pytest
from cryptobot.supervisor.loop import Loop
from cryptobot.supervisor.platform import windows
from cryptobot.supervisor.platform.base import CannotSpawn, SpawnRequest
from cryptobot.supervisor.platform.cgroups import Ceilings


class RecordedPopen:
    """Remembers how it was called; `code` is the exit code that `wait` gives."""

    calls: ClassVar[list[dict[str, Any]]] = []
    code = 3
    error: OSError | None = None

    def __init__(self, argv: list[str], **options: Any) -> None:
        if self.error is not None:
            raise self.error
        self.pid = psutil.Process().pid
        RecordedPopen.calls.append({"argv": argv, **options})

    def wait(self) -> int:
        return self.code


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> type[RecordedPopen]:
    """subprocess.Popen replaced, with Windows' flags in place."""
    RecordedPopen.calls, RecordedPopen.error = [], None
    monkeypatch.setattr(windows.subprocess, "Popen", RecordedPopen)
    monkeypatch.setattr(windows.subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(windows.subprocess, "CREATE_NO_WINDOW", 0x8000000, raising=False)
    return RecordedPopen


def _request() -> SpawnRequest:
    return SpawnRequest(["x.exe", "a b"], {"A": "1"}, subprocess.DEVNULL, "", {}, 0, ())


def test_a_process_gets_its_own_group_and_its_exit_is_reported(recorded: type[RecordedPopen]) -> None:
    """No window, list of arguments, a thread that waits."""
    loop = Loop(pytest.fail)
    exits: list[tuple[int, int | None]] = []

    def ended(pid: int, code: int | None) -> None:
        exits.append((pid, code))
        loop.stop()

    platform = windows.WindowsPlatform()
    platform.begin(loop, ended, "home")
    pid = platform.spawn(_request())
    loop.run()
    loop.close()
    assert exits == [(pid, 3)]
    assert recorded.calls[0]["argv"] == ["x.exe", "a b"]
    assert recorded.calls[0]["creationflags"] == 0x8000200


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(), "does not exist"),
        (PermissionError(), "may not be executed"),
        (OSError(8, "bad"), "bad"),
    ],
)
def test_what_cannot_be_started_is_explained(
    recorded: type[RecordedPopen], error: OSError, sentence: str
) -> None:
    """The same kind of sentence as elsewhere."""
    recorded.error = error
    with pytest.raises(CannotSpawn, match=sentence) as caught:
        windows.WindowsPlatform().spawn(_request())
    assert caught.value.lasting


def test_a_pid_with_another_birth_is_not_adopted() -> None:
    """Pid and creation time name a process."""
    platform = windows.WindowsPlatform()
    own = psutil.Process().pid
    assert platform.born(own) > 0
    assert not platform.adopt(own, platform.born(own) + 1)
    assert platform.born(2**22 + 5) == 0


def test_secrets_are_inherited_by_handle(
    recorded: type[RecordedPopen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that one handle is inherited, and the child learns its number by its environment."""
    inherited: list[tuple[int, bool]] = []
    monkeypatch.setattr(windows.sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(get_osfhandle=lambda fd: fd + 1000))
    monkeypatch.setattr(
        windows.os, "set_handle_inheritable", lambda *told: inherited.append(told), raising=False
    )
    monkeypatch.setattr(
        windows.subprocess, "STARTUPINFO", lambda **told: SimpleNamespace(**told), raising=False
    )
    given = windows._inheriting(_request()._replace(secrets=7))
    assert given["env"] == {"A": "1", "CRYPTOBOT_SECRETS_FD": "1007"}
    assert given["startupinfo"].lpAttributeList == {"handle_list": [1007]}
    assert inherited == [(1007, True)]
    assert windows._inheriting(_request()) == {"env": {"A": "1"}}


class RecordedJobs:
    """Remembers who was put into which job; holds memory and the number of processes."""

    def __init__(self) -> None:
        self.placed: list[tuple[str, Ceilings]] = []
        self.killed: list[str] = []

    def place(self, service: str, _pid: int, ceilings: Ceilings) -> list[str]:
        self.placed.append((service, ceilings))
        return ["memory", "pids"]

    def kill(self, service: str) -> bool:
        self.killed.append(service)
        return True


def test_each_service_gets_a_job_and_a_priority_by_its_niceness(recorded: type[RecordedPopen]) -> None:
    """Ceilings or not: the job also ends the whole tree in one stroke."""
    loop, jobs = Loop(pytest.fail), RecordedJobs()
    platform = windows.WindowsPlatform()
    platform.begin(loop, lambda pid, code: loop.stop(), "home")
    platform._jobs = jobs  # type: ignore[assignment]
    pid = platform.spawn(_request()._replace(service="data", ceilings=Ceilings(memory_bytes=7)))
    loop.run()
    loop.close()
    assert jobs.placed == [("data", Ceilings(memory_bytes=7))]
    assert platform.held("data") == {"memory", "pids"}
    platform._processes.clear()  # the recorded process is this one
    nobody = 2**22 + 5
    platform._job_of[nobody] = platform._job_of[pid]
    platform.kill_tree(nobody)
    assert jobs.killed == ["data"]


@pytest.mark.parametrize(("nice", "flag"), [(0, 0), (5, 0x4000), (19, 0x40), (-5, 0x8000)])
def test_niceness_becomes_a_priority_class(monkeypatch: pytest.MonkeyPatch, nice: int, flag: int) -> None:
    """Windows has six classes, not forty steps."""
    for name, value in (("BELOW_NORMAL", 0x4000), ("IDLE", 0x40), ("ABOVE_NORMAL", 0x8000)):
        monkeypatch.setattr(windows.subprocess, f"{name}_PRIORITY_CLASS", value, raising=False)
    assert windows._priority(nice) == flag
