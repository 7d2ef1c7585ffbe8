"""Sends what waits to share a frame, half a millisecond later, for a face without turns of a loop."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

DELAY_S = 0.0005


class Flusher:
    """Begins its thread with the first busy stream; at rest the thread sleeps.

    Args:
        sending: held while something is sent.
    """

    def __init__(self, sending: AbstractContextManager[Any]) -> None:
        self._sending = sending
        self._wanted = threading.Event()
        self._closed = False
        self._flush: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def soon(self, flush: Callable[[], None]) -> None:
        """Call `flush` once, soon; called with `sending` held."""
        if self._closed:
            return
        self._flush = flush
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bus-flush", daemon=True)
            self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._closed:
                return
            time.sleep(DELAY_S)
            with self._sending:
                self._wanted.clear()
                flush, self._flush = self._flush, None
                if flush is not None and not self._closed:
                    flush()

    def close(self) -> None:
        """End the thread; what waits is the caller's to send."""
        with self._sending:
            self._closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()
