"""Endless streams over sockets that break: reconnect with backoff, notice silence, say what was missed."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

import structlog

from ...configs.errors import CredentialsError
from .venue import Resumed

T = TypeVar("T")
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MOST_S = 15.0
_log = structlog.get_logger(component="connectors")


class Stream(Generic[T]):
    """Items that a socket pushes and one reader takes.

    Args:
        name: for logs.
        latest: keep only the newest item for a slow reader.
    """

    def __init__(self, name: str, *, latest: bool = False) -> None:
        self.name = name
        self._items: deque[T] = deque(maxlen=1 if latest else None)
        self._notice: Resumed | None = None
        self._failure: CredentialsError | None = None
        self._changed = asyncio.Event()
        self._standing = False
        self._first = True
        self._reason = ""
        self.pushes = 0

    def push(self, item: T) -> None:
        """Take an item from the socket; the first after a break is preceded by `Resumed`."""
        self.stands()
        self.pushes += 1
        self._items.append(item)
        self._changed.set()

    def stands(self) -> None:
        """The subscription is in force."""
        if not self._standing:
            self._standing = True
            self._notice = Resumed(self._first, self._reason)
            self._first = False
            self._changed.set()

    def broke(self, reason: str) -> None:
        """The subscription is gone."""
        self._standing, self._reason = False, reason

    def fail(self, error: CredentialsError) -> None:
        """End the stream: reconnecting cannot help."""
        self._failure = error
        self._changed.set()

    async def items(self) -> AsyncIterator[T | Resumed]:
        """What was pushed, in order; waits for ever.

        Raises:
            CredentialsError: the venue refuses the key.
        """
        while True:
            if self._notice is not None:
                notice, self._notice = self._notice, None
                yield notice
            elif self._items:
                yield self._items.popleft()
            elif self._failure is not None:
                raise self._failure
            else:
                self._changed.clear()
                await self._changed.wait()


class Keeper:
    """Keeps a subscription alive for as long as somebody reads the stream.

    Args:
        pull: waits for one message of the socket and subscribes where that is needed. What it returns does
            not matter.
        connect: when given, completes once the subscription is confirmed; else the first push proves it.
        errors: what a broken connection raises.
        recover: called after each break with its error, before the next try; may raise CredentialsError.
        silence_s: a stream without a push for so long is taken for broken; 0 is never.
    """

    def __init__(
        self,
        stream: Stream[Any],
        pull: Callable[[], Awaitable[Any]],
        *,
        recover: Callable[[Exception], Awaitable[None]],
        errors: tuple[type[Exception], ...],
        connect: Callable[[], Awaitable[None]] | None = None,
        silence_s: float = 0.0,
    ) -> None:
        self._stream, self._pull, self._connect = stream, pull, connect
        self._recover, self._errors, self._silence_s = recover, errors, silence_s

    async def run(self) -> None:
        """Until cancelled."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            pushes = self._stream.pushes
            try:
                await self._hold()
            except self._errors as error:
                if self._stream.pushes != pushes:
                    backoff_s = _BACKOFF_FIRST_S
                _log.warning(
                    "stream broke", stream=self._stream.name, reason=str(error), retry_s=round(backoff_s, 2)
                )
                self._stream.broke(str(error))
                try:
                    await self._recover(error)
                except CredentialsError as refused:
                    self._stream.fail(refused)
                    return
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(backoff_s * 2, _BACKOFF_MOST_S)

    async def _hold(self) -> None:
        while True:
            if self._connect is not None:
                await self._connect()
                self._stream.stands()
            await self._pull_or_notice_silence()

    async def _pull_or_notice_silence(self) -> None:
        pull = asyncio.ensure_future(self._pull())
        try:
            while not pull.done():
                pushes = self._stream.pushes
                await asyncio.wait({pull}, timeout=self._silence_s or None)
                if not pull.done() and self._silence_s and self._stream.pushes == pushes:
                    raise TimeoutError(f"nothing received for {self._silence_s:g} s")
            if pull.cancelled():
                raise ConnectionError("the connection was closed")
            pull.result()
        finally:
            if not pull.done():
                pull.cancel()
                with contextlib.suppress(asyncio.CancelledError, *self._errors):
                    await pull


async def follow(stream: Stream[T], *keepers: Keeper) -> AsyncIterator[T | Resumed]:
    """Read a stream while its keepers run; they end with the reader."""
    tasks = [asyncio.ensure_future(keeper.run()) for keeper in keepers]
    try:
        async for item in stream.items():
            yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
