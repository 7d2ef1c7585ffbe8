"""What Windows' service manager starts: it speaks its protocol and holds `cryptobot up` as a child.

Run as `cryptobot service host NAME HOME`.
"""

import ctypes
import subprocess
import sys
import threading
from typing import Any

from ...catalogue.registry import program

_OWN_PROCESS = 0x10
_STOPPED, _STOP_PENDING, _RUNNING = 1, 3, 4
_ACCEPT_STOP_AND_SHUTDOWN = 0x1 | 0x4
_CONTROL_STOP, _CONTROL_SHUTDOWN = 1, 5
_SERVICE_SPECIFIC_ERROR = 1066
_LOOK_EVERY_S = 0.5


class ServiceStatus(ctypes.Structure):
    """SERVICE_STATUS of winsvc.h."""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("kind", "state", "accepts", "exit_code", "specific_code", "checkpoint", "wait_hint_ms")
    )


class Host:
    """One service: tells its state, runs the platform, and stops it when told to.

    Args:
        home: the home folder.
        report: takes each ServiceStatus to the service manager.
    """

    def __init__(self, home: str, report: Any) -> None:
        self._command = [*program(), "--home", home]
        self._report = report
        self._stop = threading.Event()

    def control(self, number: int) -> None:
        """The service manager asks for something."""
        if number in (_CONTROL_STOP, _CONTROL_SHUTDOWN):
            self._tell(_STOP_PENDING)
            self._stop.set()

    def run(self) -> int:
        """Hold the platform until it ends or is told to; its exit code."""
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        platform = subprocess.Popen([*self._command, "up"], creationflags=flags)
        self._tell(_RUNNING)
        while platform.poll() is None:
            if self._stop.wait(_LOOK_EVERY_S):
                subprocess.run([*self._command, "down"], check=False)
                break
        code = platform.wait()
        self._tell(_STOPPED, code)
        return code

    def _tell(self, state: int, code: int = 0) -> None:
        accepts = _ACCEPT_STOP_AND_SHUTDOWN if state == _RUNNING else 0
        exit_code = _SERVICE_SPECIFIC_ERROR if code else 0
        wait_ms = 90_000 if state == _STOP_PENDING else 0
        self._report(ServiceStatus(_OWN_PROCESS, state, accepts, exit_code, code, 0, wait_ms))


def main(name: str, home: str) -> int:
    """Connect to the service manager; returns when the service has stopped."""
    if sys.platform != "win32":
        sys.stderr.write("This runs under Windows' service manager only.\n")
        return 2
    api = ctypes.WinDLL("advapi32", use_last_error=True)
    api.RegisterServiceCtrlHandlerExW.restype = ctypes.c_void_p
    handler_type = ctypes.WINFUNCTYPE(
        ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p
    )
    main_type = ctypes.WINFUNCTYPE(None, ctypes.c_uint32, ctypes.c_void_p)
    kept: list[Any] = []

    def service_main(_count: int, _words: int) -> None:
        def control(number: int, _event: int, _data: int, _context: int) -> int:
            host.control(number)
            return 0

        kept.append(handler_type(control))
        host = Host(home, lambda status: api.SetServiceStatus(handle, ctypes.byref(status)))
        handle = ctypes.c_void_p(api.RegisterServiceCtrlHandlerExW(name, kept[-1], None))
        host.run()

    class Entry(ctypes.Structure):
        _fields_ = (("name", ctypes.c_wchar_p), ("main", main_type))

    table = (Entry * 2)(Entry(name, main_type(service_main)), Entry(None, main_type(0)))
    return 0 if api.StartServiceCtrlDispatcherW(table) else ctypes.get_last_error()
