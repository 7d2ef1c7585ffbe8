"""A small event loop: descriptors, timers, and calls from other threads. One thread runs all callbacks.

asyncio would cost the supervisor several megabytes and a task for each event; callbacks are enough here.
"""

import contextlib
import heapq
import itertools
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable

Callback = Callable[[], None]
# Long work is cut into pieces of about this length, so that a request is answered in between.
SLICE_S = 0.005


class Timer:
    """A call that is due at `when` (time.monotonic). `cancel` may be called at any time, also twice."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Never call it."""
        self.callback = None


class Loop:
    """Runs callbacks until `stop`. A callback that raises is reported to `on_error` and the loop goes on.

    Args:
        on_error: receives the exception.
    """

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._soon: deque[Callback] = deque()
        self._last: deque[Callback] = deque()
        self._on_error = on_error
        self._running = False
        self.stalled_s = 0.0
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self.add_reader(self._woken.fileno(), self._drain_waker)

    @property
    def wakeup_fd(self) -> int:
        """For signal.set_wakeup_fd: a byte written here ends the wait."""
        return self._waker.fileno()

    def now(self) -> float:
        """Seconds of the monotonic clock, which no change of the wall clock moves."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callback) -> Timer:
        """Call once, `delay_s` seconds from now on the monotonic clock."""
        timer = Timer(time.monotonic() + max(0.0, delay_s), callback)
        heapq.heappush(self._timers, (timer.when, next(self._numbers), timer))
        return timer

    def call_soon(self, callback: Callback) -> None:
        """Call in the next turn."""
        self._soon.append(callback)

    def call_last(self, callback: Callback) -> None:
        """Call at the end of this turn, before the loop waits: for what was gathered during it."""
        self._last.append(callback)

    def call_soon_threadsafe(self, callback: Callback) -> None:
        """As `call_soon`, from any thread."""
        self._soon.append(callback)
        self.wake()

    def wake(self) -> None:
        """End the present wait."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def add_reader(self, descriptor: int, callback: Callback) -> None:
        """Call whenever the descriptor can be read (for a pidfd: when the process has ended)."""
        self._set(descriptor, selectors.EVENT_READ, callback)

    def add_writer(self, descriptor: int, callback: Callback) -> None:
        """Call whenever the descriptor can be written."""
        self._set(descriptor, selectors.EVENT_WRITE, callback)

    def _set(self, descriptor: int, event: int, callback: Callback) -> None:
        try:
            key = self._selector.get_key(descriptor)
        except KeyError:
            self._selector.register(descriptor, event, {event: callback})
            return
        callbacks = {**key.data, event: callback}
        self._selector.modify(descriptor, key.events | event, callbacks)

    def remove_writer(self, descriptor: int) -> None:
        """Stop waiting until it can be written."""
        with contextlib.suppress(KeyError, ValueError):
            key = self._selector.get_key(descriptor)
            callbacks = {event: call for event, call in key.data.items() if event != selectors.EVENT_WRITE}
            if callbacks:
                self._selector.modify(descriptor, selectors.EVENT_READ, callbacks)
            else:
                self._selector.unregister(descriptor)

    def remove(self, descriptor: int) -> None:
        """Stop watching. Does nothing when it is not watched."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(descriptor)

    def _drain_waker(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)  # what is left wakes the next turn

    def stop(self) -> None:
        """Let `run` return after this turn."""
        self._running = False
        self.wake()

    def run(self) -> None:
        """Run until `stop`."""
        self._running = True
        while self._running:
            self._turn()

    def _turn(self) -> None:
        timeout = self._timeout()
        before = time.monotonic()
        ready = self._selector.select(timeout)
        after = time.monotonic()
        # Descriptors go before timers: a heartbeat that waits in a socket must count before its deadline.
        if timeout is not None and after - before > timeout + 1.0:
            self.stalled_s += after - before - timeout
        for key, events in ready:
            for event, callback in key.data.items():
                if events & event:
                    self._call(callback)
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())
        self._run_timers()
        while self._last:
            self._call(self._last.popleft())

    def _timeout(self) -> float | None:
        if self._soon:
            return 0.0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self._call(callback)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except (
            Exception
        ) as error:  # the loop must survive a fault in one callback; it is logged with its trace
            self._on_error(error)

    def close(self) -> None:
        """Free the descriptors."""
        self._selector.close()
        self._waker.close()
        self._woken.close()
