"""The log keeper: a process of its own that drains the children's pipes into their files.

It is apart from the supervisor so that children neither die of a broken pipe nor block on a full one while
no supervisor runs, and so that a flood of output costs the supervisor nothing. It is forked, not spawned:
it shares the supervisor's memory and starts in a millisecond. This module runs in the forked process only.

Orders come as datagrams of JSON on its socket, with descriptors where needed:
    {"op": "attach", "names", "slots", "max_bytes", "keep", "every_s", "max_age_s"}
                                                    + the pipes' read ends, in this order
    {"op": "mark", "names": [...]}                   the writers ended: end their half lines
    {"op": "detach", "names": [...]}                 drain and forget
    {"op": "serve", "supervisor": pid}              + a pipe that ends with that supervisor
    {"op": "finish"}                                drain everything and end
"""

import array
import contextlib
import gc
import json
import mmap
import os
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from .logfile import LogFile
from .logtidy import LogTidier

_CHUNK = 65_536
# One child may write this much in one period; then its pipe is left full, which slows it and nobody else.
_PERIOD_S = 0.1
_BUDGET = 4 * 1_048_576
_REPORT_EVERY_S = 1.0
_TIDY_EVERY_S = 3600.0
# The kernel passes up to 253 descriptors in one message (SCM_MAX_FD).
MAX_ATTACHED = 200


class _Stream:
    def __init__(self, name: str, slot: int, file: LogFile) -> None:
        self.name, self.slot, self.file = name, slot, file
        self.budget = _BUDGET
        self.paused = False
        self.reported = 0
        self.throttled = 0
        self.rotations = 0
        self.fault = ""


class LogKeeper:
    """The keeper's loop.

    Args:
        orders: bound datagram socket.
        folder: where the files go.
        notify_path: the supervisor's notify socket, told about a full disk and dropped bytes.
        lifeline: a pipe that ends with the supervisor.
        half_lines: shared with the supervisor; a byte is 1 while the stream of that slot has a half line.
    """

    def __init__(
        self, orders: socket.socket, folder: Path, notify_path: str, lifeline: int, half_lines: mmap.mmap
    ) -> None:
        self._half_lines = half_lines
        self._orders, self._folder, self._notify_path = orders, folder, notify_path
        self._poll = select.poll()
        self._poll.register(orders.fileno(), select.POLLIN)
        self._streams: dict[int, _Stream] = {}
        self._by_name: dict[str, int] = {}
        self._lifeline = lifeline
        self._poll.register(lifeline, select.POLLIN)
        self._finishing = False
        self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.setblocking(False)
        self._paused = 0
        self._faulty = False
        self._period_ends = 0.0
        self._report_due = 0.0
        self._tidier = LogTidier(folder)
        self._tidy_due = 0.0

    def run(self) -> None:
        """Until told to finish, or until the supervisor and all children are gone."""
        while self._streams or not (self._finishing or self._lifeline < 0):
            self._turn()

    def _turn(self) -> None:
        for descriptor, _events in self._poll.poll(self._wait_ms()):
            if descriptor == self._orders.fileno():
                self._take_orders()
            elif descriptor == self._lifeline:
                self._poll.unregister(descriptor)
                os.close(descriptor)
                self._lifeline = -1
            elif descriptor in self._streams:
                self._drain(descriptor)
        now = time.monotonic()
        if now >= self._period_ends:
            self._new_period(now)
        if now >= self._report_due:
            self._report(now)
        if now >= self._tidy_due:
            self._tidy_due = now + _TIDY_EVERY_S
            self._tidier.look()
        self._tidier.step()
        if self._finishing:
            for descriptor in tuple(self._streams):
                self._drain_all(descriptor)

    def _wait_ms(self) -> float:
        if self._finishing or self._tidier.busy:
            return 0
        if self._paused:
            return _PERIOD_S * 1000
        return 1000 if self._faulty else _TIDY_EVERY_S * 1000

    def _drain(self, descriptor: int) -> bool:
        stream = self._streams[descriptor]
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._drop(descriptor)
            return False
        stream.file.write(data)
        self._half_lines[stream.slot] = not stream.file.ends_line
        if stream.file.rotations != stream.rotations:
            stream.rotations = stream.file.rotations
            self._tidier.look()
        stream.budget -= len(data)
        if stream.budget <= 0 and not stream.paused and not self._finishing:
            stream.paused = True
            self._paused += 1
            stream.throttled += 1
            self._poll.unregister(descriptor)
        return True

    def _drain_all(self, descriptor: int) -> None:
        while descriptor in self._streams and self._drain(descriptor):
            pass
        if descriptor in self._streams:
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        stream = self._streams.pop(descriptor)
        if stream.paused:
            self._paused -= 1
        else:
            self._poll.unregister(descriptor)
        stream.file.end_line()
        stream.file.close()
        os.close(descriptor)

    def _new_period(self, now: float) -> None:
        self._period_ends = now + _PERIOD_S
        for descriptor, stream in self._streams.items():
            stream.budget = _BUDGET
            if stream.paused:
                stream.paused = False
                self._paused -= 1
                self._poll.register(descriptor, select.POLLIN)

    def _report(self, now: float) -> None:
        self._report_due = now + _REPORT_EVERY_S
        self._faulty = any(stream.file.fault for stream in self._streams.values())
        for stream in self._streams.values():
            file = stream.file
            if file.fault == stream.fault and (file.dropped_bytes == stream.reported or not file.fault):
                continue
            stream.fault, stream.reported = file.fault, file.dropped_bytes
            text = f"X_LOG={stream.name}\nX_DROPPED={file.dropped_bytes}\nX_FAULT={file.fault}"
            text += f"\nMAINPID={os.getpid()}"
            with contextlib.suppress(OSError):
                self._out.sendto(text.encode(), self._notify_path)

    def _take_orders(self) -> None:
        while True:
            try:
                data, ancillary, _flags, _sender = self._orders.recvmsg(
                    65_536, socket.CMSG_SPACE(4 * MAX_ATTACHED)
                )
            except (BlockingIOError, InterruptedError):
                return
            self._obey(json.loads(data), _descriptors(ancillary))

    def _obey(self, order: dict[str, object], descriptors: list[int]) -> None:
        operation, names = order["op"], order.get("names", [])
        assert isinstance(names, list)
        if operation == "attach":
            slots = order["slots"]
            assert isinstance(slots, list)
            for each, slot, descriptor in zip(names, slots, descriptors, strict=True):
                self._attach(each, slot, order, descriptor)
        elif operation == "serve" and descriptors:
            if self._lifeline >= 0:
                self._poll.unregister(self._lifeline)
                os.close(self._lifeline)
            self._lifeline = descriptors[0]
            self._poll.register(self._lifeline, select.POLLIN)
        elif operation in {"mark", "detach"}:
            for name in names:
                descriptor = self._by_name.get(name, -1)
                if descriptor in self._streams:
                    self._end_of_writer(descriptor, forget=operation == "detach")
        elif operation == "finish":
            self._finishing = True

    def _attach(self, name: str, slot: int, order: dict[str, object], descriptor: int) -> None:
        for other, stream in self._streams.items():
            if stream.name == name and os.fstat(other).st_ino == os.fstat(descriptor).st_ino:
                os.close(descriptor)
                return
        os.set_blocking(descriptor, False)
        self._tidier.max_age_s = float(str(order.get("max_age_s", 0)))
        file = LogFile(
            self._folder / f"{name}.log",
            int(str(order["max_bytes"])),
            int(str(order["keep"])),
            float(str(order.get("every_s", 0))),
        )
        self._streams[descriptor] = _Stream(name, slot, file)
        self._by_name[name] = descriptor
        self._poll.register(descriptor, select.POLLIN)

    def _end_of_writer(self, descriptor: int, *, forget: bool) -> None:
        stream = self._streams[descriptor]
        if forget:
            self._drain_all(descriptor)
            return
        for _ in range(16):
            if descriptor not in self._streams or not self._drain(descriptor):
                break
        stream.file.end_line()
        self._half_lines[stream.slot] = 0


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def run_forked(
    path: Path, folder: Path, notify_path: str, lifeline: int, ready: int, half_lines: mmap.mmap
) -> None:
    """The life of the forked process; never returns."""
    code = 1
    try:
        gc.disable()
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        path.unlink(missing_ok=True)
        orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        orders.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_048_576)
        orders.bind(str(path))
        orders.setblocking(False)
        _close_all_but({0, 1, 2, orders.fileno(), lifeline, ready})
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.write(ready, b"1")
        os.close(ready)
        _set_title(f"cryptobot log keeper of {folder.parent}")
        LogKeeper(orders, folder, notify_path, lifeline, half_lines).run()
        path.unlink(missing_ok=True)
        code = 0
    except BaseException:
        with contextlib.suppress(OSError):
            (folder / "log-keeper.err").write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        os._exit(code)


def _set_title(title: str) -> None:
    """Show in the process list who this is, where the system lets us write over our arguments."""
    if sys.platform != "linux":
        return
    import ctypes

    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - one plain read
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc(5)
    if end > start:
        text = title.encode()[: end - start - 1]
        ctypes.memmove(start, text + b"\0" * (end - start - len(text)), end - start)


def _close_all_but(kept: set[int]) -> None:
    edges = sorted(kept)
    limit = os.sysconf("SC_OPEN_MAX")
    for low, high in zip([-1, *edges], [*edges, limit], strict=True):
        if low + 1 < high:  # closerange(n, n) closes everything above n (seen with CPython 3.11)
            os.closerange(low + 1, high)
