"""Brings what waits in the outbox to its channels: each by itself, so that a slow one holds up no other."""

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from ...configs.errors import CryptoBotError
from ...configs.sections.notify import NotifySettings
from ..database.driver import peewee
from ..database.store import Database
from . import channels
from .outbox import Outbox, Route
from .parcels import Allowance, Parcel, Waiting, pack
from .rules import quiet_until_ms

_SHORTEST_NAP_S = 0.05
_LONGEST_NAP_S = 30.0
_END_WITHIN_S = 3.0
_JITTER = 0.1
_TOLD_AFTER = 3
_AGAIN_AFTER_TROUBLE_S = 2.0


class Directory(Protocol):
    """Finds the address of a route."""

    def address(self, route: Route) -> channels.Channel | None:
        """None when there is no such channel (any more)."""


class Dispatcher:
    """One loop that looks what is due, and a task for each route while something goes there."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        directory: Directory,
        settings: Callable[[], NotifySettings],
        log: structlog.typing.FilteringBoundLogger,
        *,
        reports: Path,
        told: Callable[[int, str, str], None],
        troubled: Callable[[str, str], None],
    ) -> None:
        self._database, self._outbox, self._directory = database, outbox, directory
        self._settings, self._log = settings, log
        self._reports, self._told, self._troubled = reports, told, troubled
        self._busy: dict[Route, asyncio.Task[None]] = {}
        self._allowances: dict[Route, Allowance] = {}
        self._held_until: dict[Route, float] = {}
        self._freed = 0
        self._wake = asyncio.Event()
        self.muted_until_ms = 0

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def free(self) -> None:
        """End all pauses: something urgent came, a person wishes it, or the settings are other ones."""
        self._freed += 1
        self._held_until.clear()
        self._wake.set()

    def _hold(self, route: Route, pause_s: float, freed: int) -> None:
        """Let a route rest, unless `free` was called since its work began: it may have missed the reason."""
        if freed == self._freed:
            self._held_until[route] = time.monotonic() + pause_s

    async def run(self) -> None:
        """For the service's lifetime."""
        while True:
            self._wake.clear()
            try:
                nap_s = await self._round()
            except (CryptoBotError, peewee.PeeweeException, OSError) as error:
                self._log.warning("the delivery log cannot be read or written", reason=str(error))
                nap_s = _AGAIN_AFTER_TROUBLE_S
            # Not wait_for: in Python 3.11 it can swallow the cancellation that ends this task.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(nap_s):
                    await self._wake.wait()

    async def close(self) -> None:
        """Let what is on its way arrive, but not for long."""
        tasks = list(self._busy.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_END_WITHIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _round(self) -> float:
        now_ms, now = _now_ms(), time.monotonic()
        routes = await self._database.run(self._outbox.routes_due, now_ms)
        pauses = [_LONGEST_NAP_S]
        for route in routes:
            held = self._held_until.get(route, 0.0)
            if held > now:
                pauses.append(held - now)
            elif route not in self._busy:
                self._start(route)
        next_ms = await self._database.run(self._outbox.next_due_ms, now_ms)
        if next_ms:
            pauses.append((next_ms - now_ms) / 1000)
        return max(_SHORTEST_NAP_S, min(pauses))

    def _start(self, route: Route) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(route), name=f"notify:{route.channel}")
        self._busy[route] = task

        def ended(_task: asyncio.Task[None]) -> None:
            self._busy.pop(route, None)
            self._wake.set()

        task.add_done_callback(ended)

    async def _serve(self, route: Route) -> None:
        try:
            await self._bring(route)
        except (CryptoBotError, peewee.PeeweeException, OSError) as error:
            self._log.warning(
                "a delivery could not be written down", channel=route.channel, reason=str(error)
            )
            self._hold(route, _AGAIN_AFTER_TROUBLE_S, self._freed)

    async def _bring(self, route: Route) -> None:
        settings, now_ms, freed = self._settings(), _now_ms(), self._freed
        calm_until_ms = max(quiet_until_ms(settings, now_ms), self.muted_until_ms)
        calm = calm_until_ms > now_ms
        due = await self._database.run(self._outbox.due, route, now_ms, urgent_only=calm)
        allowance = self._allowances.setdefault(route, Allowance())
        parcels = pack(due, allowance.left(now_ms, settings.rate_count, settings.rate_window_s))
        if not parcels:
            until_ms = calm_until_ms if calm else allowance.next_ms(settings.rate_window_s)
            self._hold(route, max((until_ms - now_ms) / 1000, _SHORTEST_NAP_S), freed)
            return
        for parcel in parcels:
            if not await self._deliver(route, parcel, settings):
                return
            if not all(item.urgent for item in parcel.items):
                allowance.sent_ms.append(_now_ms())

    async def _deliver(self, route: Route, parcel: Parcel, settings: NotifySettings) -> bool:
        ids = [item.id for item in parcel.items]
        channel = self._directory.address(route)
        await self._database.run(self._outbox.begin, ids, uuid.uuid4().hex)
        self._tell(route, ids, "sending")
        if channel is None:
            reason = "There is no such channel any more"
        else:
            reason = channel.problem or await self._send(route, channel, parcel, settings.send_timeout_s)
        if reason:
            await self._failed(route, parcel.items, reason, settings)
            return False
        await self._database.run(self._outbox.sent, ids, _now_ms())
        self._held_until.pop(route, None)
        self._troubled(route.channel, "")
        self._tell(route, ids, "sent")
        return True

    async def _send(self, route: Route, channel: channels.Channel, parcel: Parcel, timeout_s: float) -> str:
        files = [self._reports / name for name in parcel.files if _is_inside(name)]

        def work() -> str:
            return channels.send(channel.secret, parcel.title, parcel.text, parcel.severity, files)

        future = channels.on_thread(work, f"notify-{route.channel}")
        done, _ = await asyncio.wait((future,), timeout=timeout_s)
        return future.result() if done else f"No answer within {timeout_s:g} s"

    async def _failed(
        self, route: Route, items: tuple[Waiting, ...], reason: str, settings: NotifySettings
    ) -> None:
        now_ms = _now_ms()
        limit_ms = now_ms - int(settings.give_up_after_s * 1000)
        old = [item.id for item in items if item.created_ms <= limit_ms]
        young = [item for item in items if item.created_ms > limit_ms]
        tries = max((item.attempts for item in items), default=0)
        pause_s = _pause(tries, settings)
        if tries + 1 >= _TOLD_AFTER:
            self._troubled(route.channel, reason)
        if old:
            await self._database.run(self._outbox.give_up, old, reason)
            self._tell(route, old, "failed")
        if young:
            ids = [item.id for item in young]
            await self._database.run(self._outbox.put_off, ids, now_ms + int(pause_s * 1000), reason)
            self._tell(route, ids, "waiting")
        self._hold(route, pause_s, self._freed)
        self._log.warning(
            "not delivered",
            channel=route.channel,
            reason=reason,
            again_in_s=round(pause_s, 1),
            given_up=len(old),
        )

    def _tell(self, route: Route, ids: list[int], state: str) -> None:
        self._told(ids[-1], route.channel, state)


def _pause(attempts: int, settings: NotifySettings) -> float:
    """Before the next try, after so many: doubling, with a little chance."""
    grown = settings.retry_initial_s * 2 ** min(attempts, 20)
    chance: Any = random.uniform(1 - _JITTER, 1 + _JITTER)  # no secret hangs on it
    return float(min(grown, settings.retry_max_s) * chance)


def _is_inside(name: str) -> bool:
    """Whether a name stays below the folder of reports."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
