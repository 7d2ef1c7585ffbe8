"""Job Objects of Windows: limits that the system keeps, and a kill that takes the whole tree.

A job has a name made of the home and the service, so that a supervisor that comes after a killed one opens
it again. It is not killed with its last handle: children trade on when the supervisor dies.
"""

import ctypes
import hashlib
from typing import Any

from .cgroups import Ceilings

_EXTENDED_LIMITS, _CPU_RATE = 9, 15
_LIMIT_ACTIVE_PROCESS, _LIMIT_JOB_MEMORY = 0x8, 0x200
_CPU_ENABLE, _CPU_HARD_CAP = 0x1, 0x4
_ALL_ACCESS = 0x1F001F
_PROCESS_SET_QUOTA_TERMINATE = 0x101


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("Basic", _BasicLimits),
        ("IoCounters", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class CpuRate(ctypes.Structure):
    """JOBOBJECT_CPU_RATE_CONTROL_INFORMATION; the rate is in hundredths of a percent of the machine."""

    _fields_ = (("ControlFlags", ctypes.c_uint32), ("CpuRate", ctypes.c_uint32))


class Jobs:
    """The jobs of one home, one for each service.

    Args:
        kernel32: the library; tests give one that records.
        processors: of the machine, for Windows counts CPU rates by all of them.
    """

    def __init__(self, home: str, kernel32: Any, processors: int) -> None:
        self._kernel32, self._processors = kernel32, processors
        self._mark = hashlib.sha256(home.encode()).hexdigest()[:8]
        self._handles: dict[str, int] = {}

    def place(self, service: str, pid: int, ceilings: Ceilings) -> list[str]:
        """Put a process into the job of its service, with its ceilings; which ones hold from now on."""
        job = self._job(service)
        if not job:
            return []
        held = self._limit(job, ceilings)
        process = self._kernel32.OpenProcess(_PROCESS_SET_QUOTA_TERMINATE, False, pid)
        if not process:
            return []
        try:
            return held if self._kernel32.AssignProcessToJobObject(job, process) else []
        finally:
            self._kernel32.CloseHandle(process)

    def _job(self, service: str) -> int:
        job = self._handles.get(service)
        if job is None:
            name = f"Local\\cryptobot-{self._mark}-{service}"
            job = self._kernel32.OpenJobObjectW(_ALL_ACCESS, False, name)
            job = job or self._kernel32.CreateJobObjectW(None, name)
            if job:
                self._handles[service] = job
        return int(job or 0)

    def _limit(self, job: int, ceilings: Ceilings) -> list[str]:
        held = []
        limits = ExtendedLimits()
        if ceilings.memory_bytes is not None:
            limits.Basic.LimitFlags |= _LIMIT_JOB_MEMORY
            limits.JobMemoryLimit = ceilings.memory_bytes
            held.append("memory")
        if ceilings.processes is not None:
            limits.Basic.LimitFlags |= _LIMIT_ACTIVE_PROCESS
            limits.Basic.ActiveProcessLimit = ceilings.processes
            held.append("pids")
        if not self._set(job, _EXTENDED_LIMITS, limits):
            held.clear()
        if ceilings.cpu_percent is not None:
            rate = max(1, min(10_000, int(ceilings.cpu_percent * 100 / self._processors)))
            if self._set(job, _CPU_RATE, CpuRate(_CPU_ENABLE | _CPU_HARD_CAP, rate)):
                held.append("cpu")
        return held

    def _set(self, job: int, kind: int, value: ctypes.Structure) -> bool:
        return bool(
            self._kernel32.SetInformationJobObject(job, kind, ctypes.byref(value), ctypes.sizeof(value))
        )

    def kill(self, service: str) -> bool:
        """End everything in the job; False when there is none."""
        job = self._handles.get(service, 0)
        return bool(job and self._kernel32.TerminateJobObject(job, 1))

    def close(self) -> None:
        """Let the handles go; the processes go on."""
        for job in self._handles.values():
            self._kernel32.CloseHandle(job)
        self._handles.clear()
