"""Passwords are hashed in threads: a hash takes tens of milliseconds and 64 MiB; the loop must not wait."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from .passwords import PasswordHasher

T = TypeVar("T")

# Few at a time, and a queue that ends.
_AT_ONCE = 2
_WAITING = 50


class BusyError(Exception):
    """More logins wait than can be worked off soon."""


class Hashing:
    """A `PasswordHasher` for asyncio."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def verify(self, stored: str | None, password: str) -> bool:
        """Is it the right password?

        Raises:
            BusyError: too many wait already.
        """
        return await self._in_thread(lambda: self._hasher.verify(stored, password))

    async def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            BusyError: too many wait already.
        """
        return await self._in_thread(lambda: self._hasher.hash(password))

    def is_dated(self, stored: str) -> bool:
        """Was it made with other parameters than today's?"""
        return self._hasher.is_dated(stored)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
