"""Output through pipes that a log keeper process drains; for systems with fork and descriptor passing."""

import array
import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import socket
import sys
import termios
from pathlib import Path

from ...configs.paths import Home
from ...configs.schema import LogSettings
from ..loop import Loop
from ..platform.base import Platform
from ..watch.notify import NOTIFY_NAME
from .log_keeper import MAX_ATTACHED, run_forked
from .outputs import Outputs
from .pipe import make_pipe

_ORDERS_NAME = "logs.sock"
_SEND_TIMEOUT_S = 2.0
_KEEPER_RETRY_S = 10.0
_MARK_AFTER_S = 0.002
_SLOTS = 4096


class KeptOutputs(Outputs):
    """One pipe a service, drained by a log keeper process that outlives the supervisor.

    The pipe is made once for a service and serves all its lives, so that a restart costs no descriptor. Both
    ends are kept here too: if the keeper dies, no child sees a broken pipe, and the next keeper takes over.
    On Linux each child is a reader of its own pipe as well, so that none breaks when keeper and supervisor
    die together: what is written waits in the pipe for their successors.
    """

    def __init__(self, home: Home, settings: LogSettings, loop: Loop, platform: Platform) -> None:
        super().__init__(home, settings)
        self._loop, self._platform = loop, platform
        self._path = home.sockets / _ORDERS_NAME
        self._notify_path = str(home.sockets / NOTIFY_NAME)
        self._pipes: dict[str, tuple[int, int]] = {}
        self._inodes: dict[str, int] = {}
        self._unsent: list[str] = []
        self._ended: list[str] = []
        self._slots: dict[str, int] = {}
        self._half_lines = mmap.mmap(-1, _SLOTS)
        self._shares = False
        self._pid = 0
        self._lifeline = -1
        self._orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._orders.settimeout(_SEND_TIMEOUT_S)
        self._finished = False
        self._keeper_since = 0.0
        self._short_lives = 0

    @property
    def keeper_pid(self) -> int:
        return self._pid

    def start_keeper(self) -> None:
        """Fork a keeper and wait until its socket is there."""
        self._close_lifeline()
        life_read, self._lifeline = os.pipe()
        ready_read, ready_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            run_forked(self._path, self._folder, self._notify_path, life_read, ready_write, self._half_lines)
        os.close(life_read)
        os.close(ready_write)
        os.read(ready_read, 1)
        os.close(ready_read)
        self._pid, self._shares = pid, True
        self._platform.expect(pid)
        self._connect()
        self._keeper_since = self._loop.now()

    def adopt_keeper(self, pid: int, born: int) -> bool:
        """Go on with the keeper of an earlier supervisor; False when it is gone."""
        if not pid or not self._platform.adopt(pid, born):
            return False
        self._pid = pid
        self._connect()
        life_read, self._lifeline = os.pipe()
        sent = self._send({"op": "serve", "supervisor": os.getpid()}, [life_read])
        os.close(life_read)
        return sent

    def _connect(self) -> None:
        with contextlib.suppress(OSError):  # a keeper that is gone is seen by its exit
            self._orders.connect(str(self._path))

    def open(self, name: str) -> int:
        pipe = self._pipes.get(name)
        if pipe is None:
            pipe = make_pipe()
            self.take(name, pipe)
        return pipe[1]

    def take(self, name: str, pipe: tuple[int, int]) -> None:
        self._pipes[name] = pipe
        self._inodes[name] = os.fstat(pipe[0]).st_ino
        self._attach_soon(name)

    def _attach_soon(self, name: str) -> None:
        if not self._unsent:
            self._loop.call_soon(self._attach)
        self._unsent.append(name)

    def _attach(self) -> None:
        names, self._unsent = [name for name in self._unsent if name in self._pipes], []
        for start in range(0, len(names), MAX_ATTACHED):
            part = names[start : start + MAX_ATTACHED]
            slots = [self._slots.setdefault(name, len(self._slots) % _SLOTS) for name in part]
            order = {
                "op": "attach",
                "names": part,
                "slots": slots,
                "max_bytes": self.settings.max_bytes,
                "keep": self.settings.keep,
                "every_s": self.settings.rotate_every_s,
                "max_age_s": self.settings.max_age_s,
            }
            self._send(order, [self._pipes[name][0] for name in part])

    def _send(self, order: dict[str, object], descriptors: list[int]) -> bool:
        try:
            passed = (
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            )
            self._orders.sendmsg([json.dumps(order).encode()], passed)
        except OSError:
            return False  # the keeper is gone or wedged; its death is seen and mended by keeper_ended
        return True

    def ended(self, name: str) -> None:
        # After the replacement was spawned: the keeper must not compete with it for a processor.
        if name in self._pipes and self._may_have_half_line(name):
            if not self._ended:
                self._loop.call_later(_MARK_AFTER_S, self._mark)
            self._ended.append(name)

    def _may_have_half_line(self, name: str) -> bool:
        if not self._shares or self._half_lines[self._slots.get(name, 0)]:
            return True
        unread = array.array("i", [0])
        fcntl.ioctl(self._pipes[name][0], termios.FIONREAD, unread)
        return unread[0] > 0

    def _mark(self) -> None:
        names, self._ended = self._ended, []
        for start in range(0, len(names), MAX_ATTACHED):
            self._send({"op": "mark", "names": names[start : start + MAX_ATTACHED]}, [])

    def close(self, name: str) -> None:
        pipe = self._pipes.pop(name, None)
        if pipe is None:
            return
        self._send({"op": "detach", "names": [name]}, [])
        for descriptor in pipe:
            os.close(descriptor)

    def inode(self, name: str) -> int:
        return self._inodes.get(name, 0)

    def adopt(self, name: str, pid: int, inode: int) -> None:
        # Opening a pipe through /proc gives new ends of the very same pipe.
        source = f"/proc/{pid}/fd/1"
        if sys.platform != "linux":
            return
        try:
            if Path(source).stat().st_ino != inode:
                return
            read_end = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            write_end = os.open(source, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return
        self.take(name, (read_end, write_end))

    def keeper_ended(self) -> None:
        self._pid = 0
        # The first death is mended at once; a keeper that cannot live is tried once in ten seconds.
        short_lived = self._loop.now() - self._keeper_since < _KEEPER_RETRY_S
        self._short_lives = self._short_lives + 1 if short_lived else 0
        self._loop.call_later(_KEEPER_RETRY_S if self._short_lives > 1 else 0.0, self._replace_keeper)

    def _replace_keeper(self) -> None:
        if self._finished:
            return
        self.start_keeper()
        self.on_new_keeper()
        for name in self._pipes:
            self._attach_soon(name)

    def finish(self) -> None:
        if self._unsent:
            self._attach()
        self._mark()
        self._finished = True
        for pipe in self._pipes.values():
            os.close(pipe[1])
        self._send({"op": "finish"}, [])
        self._close_lifeline()
        if self._pid:
            self._wait_for_keeper()
        for pipe in self._pipes.values():
            os.close(pipe[0])
        self._pipes.clear()
        self._orders.close()

    def _wait_for_keeper(self) -> None:
        try:
            descriptor = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else -1
        except OSError:
            return
        if descriptor >= 0:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            ready = waiting.poll(_SEND_TIMEOUT_S * 1000)
            os.close(descriptor)
            if not ready:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0 if descriptor < 0 else os.WNOHANG)

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
