"""Services on other machines, as far as they are heard over the bus.

Nobody here can start or kill them; what can be told is when they were last heard, what their own supervisor
said of them, and that a machine is out of reach.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...configs.machines import is_elsewhere
from ...configs.sections.machines import MachinesSettings
from ..unit import Raised

SILENT_S = 6.0
"""A machine of which nothing was heard for so long is out of reach; TCP notices a cut after about five."""
_FIRST_S = 20.0
"""At the start machines may come up one after the other."""
_BUS = "bus"


@dataclass(slots=True)
class _Remote:
    machine: str
    heard_at: float | None = None
    pid: int = 0
    state: str = ""
    reason: str = ""
    title: str = ""


class Elsewhere:
    """What is known of the services that run on other machines. Used on one thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, machines: MachinesSettings, clock: Callable[[], float]) -> None:
        self._here, self._clock = machines.here, clock
        self._began = clock()
        self._remotes = {
            service: _Remote(machine)
            for machine, one in machines.hosts.items()
            for service in one.services
            if is_elsewhere(machines, service)
        }
        self._bus_machine = self._remotes[_BUS].machine if _BUS in self._remotes else ""
        self._away: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._remotes)

    def machine_of(self, service: str) -> str:
        """The other machine that a service runs on; "" when it is here or unknown."""
        remote = self._remotes.get(service)
        return remote.machine if remote is not None else ""

    def heard(self, service: str, pid: int) -> bool:
        """A heartbeat arrived; whether it is the broker's first after a silence or of a new life."""
        remote = self._remotes.get(service)
        if remote is None:
            return False
        now, before = self._clock(), remote.heard_at
        returned = before is None or now - before > SILENT_S / 2 or pid != remote.pid
        remote.heard_at, remote.pid = now, pid
        return returned and service == _BUS

    def told(self, service: str, state: str, reason: str, title: str) -> None:
        """What the supervisor over there says of it."""
        remote = self._remotes.get(service)
        if remote is not None:
            remote.state, remote.reason, remote.title = state, reason, title

    def tick(self) -> list[Raised]:
        """What is to be said now: each machine that went out of reach or came back, once.

        The machine with the bus speaks of all others; the others, which hear these through it, only of that.
        """
        found = []
        for machine in sorted({remote.machine for remote in self._remotes.values()}):
            if self._bus_machine and machine != self._bus_machine:
                continue
            silent_s = self._silence_of(machine)
            if silent_s > SILENT_S and machine not in self._away:
                self._away.add(machine)
                found.append(self._alert(machine, recovered=False))
            elif silent_s <= SILENT_S and machine in self._away:
                self._away.discard(machine)
                found.append(self._alert(machine, recovered=True))
        return found

    def _silence_of(self, machine: str) -> float:
        heard = [one.heard_at for one in self._remotes.values() if one.machine == machine and one.heard_at]
        last = max(heard) if heard else self._began + _FIRST_S - SILENT_S
        return self._clock() - last

    def _alert(self, machine: str, *, recovered: bool) -> Raised:
        services = ", ".join(name for name, one in self._remotes.items() if one.machine == machine)
        return Raised(
            key=f"machine.{self._here}.{machine}",
            severity="error",
            source="supervisor",
            title=f"The machine {machine} is {'within' if recovered else 'out of'} reach of {self._here}",
            detail=f"{services}: heard again."
            if recovered
            else f"Nothing was heard of {services} for {SILENT_S:g} s. What is missed is sent again when the "
            "network is back; look at the network and at `cryptobot status` over there.",
            recovered=recovered,
        )

    def rows(self) -> list[dict[str, Any]]:
        """One row a service, for `cryptobot status`; `heard_s` is None when it was never heard."""
        now = self._clock()
        return [
            {
                "name": name,
                "title": one.title or name,
                "machine": one.machine,
                "state": one.state or "UNKNOWN",
                "reason": one.reason,
                "pid": one.pid,
                "heard_s": None if one.heard_at is None else round(now - one.heard_at, 1),
                "within_reach": one.heard_at is not None and now - one.heard_at <= SILENT_S,
            }
            for name, one in self._remotes.items()
        ]
