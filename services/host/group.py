"""Several services in one process, on one loop: `cryptobot service run data+strategy`.

They ask each other within the process (bus/group.py) and share their fate: when one ends, all end.
"""

import asyncio
from importlib import import_module

import structlog

from ...bus.aio import AsyncBus
from ...bus.group import Group
from ...configs.errors import UsageError
from ...configs.notify import Notifier
from ...configs.paths import Home
from ...configs.schema import Settings
from .service import GATHERED, Service, on_stop_signals, run_guarded

_ALONE = ("cryptobot.bus.", "cryptobot.supervisor.")


def run_group(home: Home, targets: dict[str, str]) -> int:
    """Run services in this process until SIGTERM or SIGINT; return the exit code.

    Args:
        targets: of each service its entry point (`cryptobot.services.data.service:main`), in the order in
            which they are to start.

    Raises:
        UsageError: one of them is not built on `Service`.
    """
    members = gather(home, targets)
    return run_guarded("+".join(targets), home, lambda settings, log: _main(members, home, settings, log))


def gather(home: Home, targets: dict[str, str]) -> list[type[Service]]:
    """The classes of these services: what their entry points would have run."""
    found: list[type[Service]] = []
    token = GATHERED.set(found)
    try:
        for number, (name, target) in enumerate(targets.items(), 1):
            module, _, function = target.partition(":")
            if target.startswith(_ALONE):
                raise UsageError(f"{name} needs a process of its own; leave it out of the group.")
            getattr(import_module(module), function)(home)
            if len(found) != number:
                raise UsageError(f"{name} cannot share a process: it is not built on Service.")
    finally:
        GATHERED.reset(token)
    return found


class _Seat(Notifier):
    """What one member tells the supervisor, through the group's notifier."""

    def __init__(self, group: "_Together") -> None:
        super().__init__({})
        self._group = group
        self.is_ready = asyncio.Event()

    def ready(self, status: str = "ready", **facts: str) -> None:
        self.is_ready.set()
        self._group.member_ready(facts)

    def alive(self, progress: int, ill: str = "") -> None:
        self._group.member_alive(ill)

    def stopping(self) -> None:
        self._group.stopping()


class _Together(Notifier):
    """Ready when all members are."""

    def __init__(self, members: int) -> None:
        super().__init__()
        self._awaited, self._progress = members, 0
        self._facts: dict[str, str] = {}

    def member_ready(self, facts: dict[str, str]) -> None:
        self._awaited -= 1
        self._facts |= facts
        if not self._awaited:
            self.ready(**self._facts)

    def member_alive(self, ill: str) -> None:
        self._progress += 1
        self.alive(self._progress, ill)


async def _main(
    classes: list[type[Service]], home: Home, settings: Settings, log: structlog.typing.FilteringBoundLogger
) -> None:
    group = Group(home, frozenset(each.name for each in classes))
    notifier = _Together(len(classes))
    buses: list[AsyncBus] = []
    members: list[Service] = []
    try:
        for each in classes:
            buses.append(await AsyncBus.open(home, each.name, group))
            members.append(each(home, settings, buses[-1], log.bind(service=each.name)))
        await _live(members, notifier)
    finally:
        notifier.close()
        for bus in buses:
            await bus.close()


async def _live(members: list[Service], notifier: _Together) -> None:
    """Start one after the other; when one ends, end the others. Raises what ended the first to fail."""
    lives: list[asyncio.Task[None]] = []
    stopping = asyncio.Event()
    on_stop_signals(stopping.set)

    def ended(_: object) -> None:
        stopping.set()

    asked = asyncio.ensure_future(stopping.wait())
    for member in members:
        seat = _Seat(notifier)
        lives.append(asyncio.ensure_future(member.serve_until_stopped(seat)))
        lives[-1].add_done_callback(ended)
        ready = asyncio.ensure_future(seat.is_ready.wait())
        await asyncio.wait((ready, asked), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if asked.done():
            break
    await asked
    for member in members:
        member.end()
    results = await asyncio.gather(*lives, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
