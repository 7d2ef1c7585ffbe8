"""Hearing of one home: its supervisor's events as they come, and that there is none."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from ...configs.errors import CryptoBotError, NotRunningError
from ...configs.paths import Home
from ..cli import daemon
from ..control.client import ControlClient

_LOOK_AGAIN_S = 1.0
Take = Callable[[dict[str, Any]], None]


class Watch:
    """A thread that holds a connection to the supervisor of a home, as soon as there is one.

    `take` is called on that thread with each event, and with {"kind": "gone", "orphans": [...]} when no
    supervisor answers.
    """

    def __init__(self, home: Home, take: Take) -> None:
        self._home, self._take = home, take
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._client: ControlClient | None = None
        self._thread = threading.Thread(target=self._run, name="launcher-watch", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look now whether there is a supervisor: one was just started."""
        self._wake.set()

    def _run(self) -> None:
        told = False
        while not self._ended.is_set():
            if self._listen():
                told = False
            if not told and not self._ended.is_set():
                self._take({"kind": "gone", "orphans": daemon.orphans(self._home)})
                told = True
            self._wake.wait(_LOOK_AGAIN_S)
            self._wake.clear()

    def _listen(self) -> bool:
        """Hear a supervisor out; whether there was one."""
        try:
            client = ControlClient(self._home)
        except NotRunningError:
            return False
        with self._lock:
            self._client = client
        try:
            # A supervisor that goes away ends the events; one that is broken is asked again.
            with contextlib.suppress(CryptoBotError, OSError, ValueError):
                for event in client.events():
                    if self._ended.is_set():
                        break
                    self._take(event)
        finally:
            with self._lock:
                self._client = None
            client.close()
        return True

    def close(self) -> None:
        """Hear no more; returns when the thread has ended."""
        self._ended.set()
        self._wake.set()
        with self._lock:
            if self._client is not None:
                self._client.hang_up()
        self._thread.join()
