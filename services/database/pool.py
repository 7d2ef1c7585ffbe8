"""A few threads with a connection each, for long reading beside the work of the service.

peewee keeps one connection a thread, so a pool of connections is a pool of threads. They are made when there
is something to do and none is free, and end, with their connection, when they were idle for a while.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
IDLE_S = 60.0
_Job = tuple[Future[Any], Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How a pool is used now. `served` counts the calls since it was made."""

    connections: int
    busy: int
    waiting: int
    served: int


class Pool:
    """Runs reading functions on connections of their own.

    Args:
        size: most connections at a time.
        begin: called in a new thread before its first work.
        end: called in a thread before it ends; closes its connection.
    """

    def __init__(
        self,
        name: str,
        size: int,
        *,
        begin: Callable[[], None],
        end: Callable[[], None],
        idle_s: float = IDLE_S,
    ) -> None:
        self._name, self._size, self._begin, self._end, self._idle_s = name, size, begin, end, idle_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._busy = self._waiting = self._served = self._made = 0
        self._closed = False

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` on one of the connections; as many at once as the pool has.

        Raises:
            RuntimeError: the pool is closed.
        """
        return await asyncio.wrap_future(self.submit(function))

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """As `run`, for those who do not await.

        Raises:
            RuntimeError: the pool is closed.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the connections of {self._name} are closed")
            self._waiting += 1
            free = len(self._threads) - self._busy
            if self._waiting > free and len(self._threads) < self._size:
                self._start_thread()
        self._jobs.put((future, function))
        return future

    def use(self) -> PoolUse:
        """How it is used now."""
        with self._lock:
            return PoolUse(len(self._threads), self._busy, self._waiting, self._served)

    def close(self) -> None:
        """Finish what was given to it, then close all connections. Does nothing when already closed."""
        with self._lock:
            self._closed = True
            threads = tuple(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()

    def _start_thread(self) -> None:
        self._made += 1
        thread = threading.Thread(target=self._work, name=f"database-{self._name}-{self._made}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        begun = False
        try:
            while (job := self._next()) is not None:
                future, function = job
                try:
                    if not begun:
                        self._begin()
                        begun = True
                    result = function()
                except BaseException as error:
                    self._done()
                    future.set_exception(error)
                else:
                    self._done()
                    future.set_result(result)
                del job, future, function
        finally:
            self._end()

    def _next(self) -> _Job | None:
        """The next job that nobody gave up; None when this thread should end."""
        while True:
            try:
                job = self._jobs.get(timeout=self._idle_s)
            except queue.Empty:
                job = None
                with self._lock:
                    if self._waiting and not self._closed:
                        continue  # something is just being put
                    self._threads.discard(threading.current_thread())
                    return None
            if job is None:
                with self._lock:
                    self._threads.discard(threading.current_thread())
                return None
            with self._lock:
                self._waiting -= 1
                if not job[0].set_running_or_notify_cancel():
                    continue
                self._busy += 1
                return job

    def _done(self) -> None:
        with self._lock:
            self._busy -= 1
            self._served += 1
