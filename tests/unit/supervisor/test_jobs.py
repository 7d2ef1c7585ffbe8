"""Job Objects against recorded calls: they have not run on Windows, their logic has."""

import ctypes
from typing import Any

from cryptobot.supervisor.platform.cgroups import Ceilings
from cryptobot.supervisor.platform.jobs import CpuRate, ExtendedLimits, Jobs


class RecordedKernel:
    """kernel32 that remembers; `existing` names the jobs that an earlier supervisor has left."""

    def __init__(self, *existing: str) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.existing = {name: 50 + at for at, name in enumerate(existing)}
        self.refuse = ""

    def OpenJobObjectW(self, _access: int, _inherit: bool, name: str) -> int:  # noqa: N802 - Windows' name
        return self.existing.get(name, 0)

    def CreateJobObjectW(self, _security: None, name: str) -> int:  # noqa: N802
        self.calls.append(("create", name))
        return 10

    def OpenProcess(self, _access: int, _inherit: bool, pid: int) -> int:  # noqa: N802
        return 0 if self.refuse == "process" else pid + 1000

    def SetInformationJobObject(self, job: int, kind: int, value: Any, size: int) -> int:  # noqa: N802
        structure = CpuRate if kind == 15 else ExtendedLimits
        assert size == ctypes.sizeof(structure)
        copied = structure.from_buffer_copy(value._obj)
        self.calls.append(("set", job, copied))
        return int(self.refuse != "limits")

    def AssignProcessToJobObject(self, job: int, process: int) -> int:  # noqa: N802
        self.calls.append(("assign", job, process))
        return 1

    def TerminateJobObject(self, job: int, code: int) -> int:  # noqa: N802
        self.calls.append(("terminate", job, code))
        return 1

    def CloseHandle(self, handle: int) -> int:  # noqa: N802
        self.calls.append(("close", handle))
        return 1


def test_a_process_is_put_into_a_job_with_its_ceilings() -> None:
    """Memory of the whole job, number of processes, a hard cap of the processors by all of them."""
    kernel = RecordedKernel()
    jobs = Jobs("C:/home", kernel, processors=4)
    assert jobs.place("data", 7, Ceilings(1 << 20, 50.0, 9)) == ["memory", "pids", "cpu"]
    (_, name), (_, _, limits), (_, _, rate), assigned, closed = kernel.calls
    assert name.startswith("Local\\cryptobot-")
    assert name.endswith("-data")
    assert (limits.Basic.LimitFlags, limits.JobMemoryLimit, limits.Basic.ActiveProcessLimit) == (
        0x208,
        1 << 20,
        9,
    )
    assert (rate.ControlFlags, rate.CpuRate) == (5, 1250)
    assert (assigned, closed) == (("assign", 10, 1007), ("close", 1007))


def test_nothing_of_a_job_dies_with_its_last_handle() -> None:
    """Children trade on when the supervisor dies: KILL_ON_JOB_CLOSE (0x2000) is not set."""
    kernel = RecordedKernel()
    Jobs("C:/home", kernel, 4).place("data", 7, Ceilings())
    assert kernel.calls[1][2].Basic.LimitFlags == 0


def test_the_next_supervisor_opens_the_job_of_the_first() -> None:
    """By its name; it is not made twice."""
    first = RecordedKernel()
    Jobs("C:/home", first, 4).place("data", 7, Ceilings())
    second = RecordedKernel(first.calls[0][1])
    Jobs("C:/home", second, 4).place("data", 8, Ceilings())
    assert ("assign", 50, 1008) in second.calls
    assert not [call for call in second.calls if call[0] == "create"]


def test_what_the_system_refuses_is_not_held() -> None:
    """Then sampling acts."""
    kernel = RecordedKernel()
    kernel.refuse = "limits"
    assert Jobs("h", kernel, 4).place("data", 7, Ceilings(memory_bytes=5)) == []
    kernel = RecordedKernel()
    kernel.refuse = "process"
    assert Jobs("h", kernel, 4).place("data", 7, Ceilings(memory_bytes=5)) == []


def test_the_whole_tree_is_ended_in_one_stroke() -> None:
    """A service without a job is ended another way."""
    kernel = RecordedKernel()
    jobs = Jobs("h", kernel, 4)
    jobs.place("data", 7, Ceilings())
    assert jobs.kill("data")
    assert ("terminate", 10, 1) in kernel.calls
    assert not jobs.kill("trade")
    jobs.close()
    assert kernel.calls[-1] == ("close", 10)
