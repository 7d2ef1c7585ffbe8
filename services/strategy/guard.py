"""Stopping an author's code that does not return.

Author's code runs on the main thread, between two turns of the event loop, because a hop to another
thread would cost more than the whole way from candle to order. A timer interrupts it there: SIGALRM, or,
where that does not exist, an exception that a watching thread plants. Code that hangs inside a C library
is not interrupted by either: there the process is ended (lastresort.py).
"""

import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...configs.errors import StrategyError
from .lastresort import CallMark


class HangError(BaseException):
    """The call took too long. Derived from BaseException: `except Exception` in a loop must not swallow
    it.
    """


class HangGuard:
    """Limits calls on the main thread.

    Args:
        limit_s: longest time that a call may take.
        mark: where to write down whose code is being called.
    """

    def __init__(self, limit_s: float, mark: CallMark | None = None) -> None:
        self.limit_s, self._mark = limit_s, mark
        self._alarms = sys.platform != "win32" and threading.current_thread() is threading.main_thread()
        if self._alarms:
            signal.signal(signal.SIGALRM, _interrupt)

    @contextmanager
    def limit(self, run: str = "") -> Iterator[None]:
        """Run the body, code of a run; interrupt it after `limit_s`, again and again until it gives way.

        Raises:
            StrategyError: it took too long.
        """
        if self._mark is not None:
            self._mark.enter(run)
        try:
            if self._alarms:
                with _alarm(self.limit_s):
                    yield
            else:
                with _planted(self.limit_s):
                    yield
        except HangError as error:
            error.args = (f"it did not return within {self.limit_s:g} s",)
            raise StrategyError(str(error)) from error
        finally:
            if self._mark is not None:
                self._mark.leave()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise HangError


@contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


@contextmanager
def _planted(limit_s: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    done = threading.Event()

    def watch() -> None:
        while not done.wait(limit_s):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(HangError))

    watcher = threading.Thread(target=watch, name="strategy-guard", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
