"""Commits shared by everything that happens at about the same time: one wait for the disk instead of many.

Changes are written at once, in order, into an open transaction; the commit follows a few turns of the loop
later. Whoever is about to act on a change (send an order, answer a request) first waits for `durable`.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ..database.store import Database

# Turns of the loop in which follow-ups of a change may join its commit: an order that is journalled and then
# marked as sent is one wait for the disk.
_TURNS = 8


class Batch:
    """The open transaction of a database, if there is one.

    Args:
        committed: called after each commit, before those who wait are told.
    """

    def __init__(self, database: Database, committed: Callable[[], None]) -> None:
        self._database, self._committed = database, committed
        self._open: AbstractContextManager[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Write within the batch: all of the block or nothing of it."""
        self._raise_failure()
        if self._open is None:
            self._open = self._database.transaction()
            self._open.__enter__()
            in_turns(_TURNS, self.flush)
        with self._database.step():
            yield

    async def durable(self) -> None:
        """Wait until everything written so far is on disk.

        Raises:
            Exception: the database could not commit; nothing may be acted upon.
        """
        self._raise_failure()
        if self._open is not None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def flush(self) -> None:
        """Commit now."""
        if self._open is None:
            return
        transaction, self._open = self._open, None
        waiting, self._waiting = self._waiting, []
        try:
            transaction.__exit__(None, None, None)
        except Exception as error:  # whatever it is, everyone who waits must hear of it
            self._failure = error
            self._failed.set()
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_exception(error)
            return
        self._committed()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def watch(self) -> None:
        """Ends with the error of a commit that failed; for the service to fail with."""
        await self._failed.wait()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def in_turns(turns: int, action: Callable[[], None]) -> None:
    """Call `action` so many turns of the running loop later."""
    if turns == 0:
        action()
    else:
        asyncio.get_running_loop().call_soon(in_turns, turns - 1, action)
