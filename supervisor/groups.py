"""Services that stand and fall together: rest-for-one and one-for-all, with a limit for the whole group."""

import time
from collections.abc import Callable, Iterable

from . import states
from .catalogue.registry import Group
from .lifecycle import Lifecycle
from .restarts import RestartPolicy
from .unit import Raised, Unit


class Groups:
    """Takes over from the lifecycle when a member of a group with a strategy has ended.

    rest-for-one: those that start after it are stopped, then it and they are started again in order;
    one-for-all: all members are. Above the group's limit all are stopped and the group stays down.
    """

    def __init__(self, lifecycle: Lifecycle, groups: Iterable[Group]) -> None:
        self._lifecycle = lifecycle
        self._groups: dict[str, Group] = {}
        self._policies: dict[str, RestartPolicy] = {}
        self._queues: dict[str, list[str]] = {}
        self.configure(groups)
        lifecycle.when_process_gone = self.member_ended

    def configure(self, groups: Iterable[Group]) -> None:
        """Take these groups; counts of those that are known go on."""
        self._groups = {group.name: group for group in groups}
        for group in self._groups.values():
            policy = RestartPolicy(
                initial_s=0.0, maximum_s=0.0, limit=group.limit, window_s=group.window_s, stable_s=0.0
            )
            self._policies.setdefault(group.name, policy)

    def _members(self, name: str) -> list[Unit]:
        units = self._lifecycle.units
        order = self._lifecycle.graph.start_order()
        return [units[member] for member in order if units[member].manifest.group == name]

    def member_ended(self, unit: Unit, reason: str) -> bool:
        """Called by the lifecycle for an exit that the policy follows with a restart; True takes it over."""
        group = self._groups.get(unit.manifest.group)
        if group is None or group.strategy == "one-for-one":
            return False
        members = self._members(group.name)
        if self._policies[group.name].failed(time.monotonic(), 0.0) is None:
            self._give_up(group, unit, members, reason)
            return True
        first = members.index(unit) if group.strategy == "rest-for-one" else 0
        affected = [member for member in members[first:] if member is unit or member.wanted]
        self._queues.pop(group.name, None)
        self._lifecycle.hold(unit, f"{reason}; its group {group.name} restarts")
        for member in reversed(affected):
            if member is not unit:
                self._lifecycle.hold(member, f"{unit.name} of its group ended")
        self._queues[group.name] = [member.name for member in affected]
        self.state_changed(unit)
        return True

    def _give_up(self, group: Group, unit: Unit, members: list[Unit], reason: str) -> None:
        self._queues.pop(group.name, None)
        detail = f"the group {group.name} failed more than {group.limit} times in {group.window_s:g} s"
        self._lifecycle.give_up(unit, f"{reason}; {detail}")
        for member in reversed(members):
            if member is not unit:
                self._lifecycle.stop(member.name, reason=detail)

    def state_changed(self, unit: Unit) -> None:
        """A service changed its state: start the next of its group when that is due."""
        name = unit.manifest.group
        queue = self._queues.get(name)
        if not queue or self._lifecycle.shutting_down:
            return
        units = [self._lifecycle.units[member] for member in queue if member in self._lifecycle.units]
        if any(member.pid for member in units if member.state == states.STOPPING):
            return
        members = self._members(name)
        held = {member.name for member in units}
        if any(member.state == states.STARTING for member in members if member.name not in held):
            return
        self._lifecycle.release(queue.pop(0))


class Rolling:
    """Restarts instances one after the other, each when the one before is ready; a failure ends it.

    Args:
        done: gets the names that were restarted, and the one that failed or "".
    """

    def __init__(
        self, lifecycle: Lifecycle, names: list[str], done: Callable[[list[str], str], None]
    ) -> None:
        self._lifecycle, self._left, self._done = lifecycle, list(names), done
        self._finished: list[str] = []
        self._current = ""

    def busy_with(self, names: list[str]) -> bool:
        """Whether one of these is still to be restarted."""
        return not {self._current, *self._left}.isdisjoint(names)

    def begin(self) -> None:
        """Restart the first."""
        self._next()

    def _next(self) -> None:
        if not self._left:
            self._current = ""
            self._done(self._finished, "")
            return
        self._current = self._left.pop(0)
        self._lifecycle.restart(self._current, "rolling restart")

    def state_changed(self, unit: Unit) -> bool:
        """A service changed; True when the whole is through."""
        if unit.name != self._current:
            return not self._current
        if unit.state == states.RUNNING and not unit.start_again:
            self._finished.append(unit.name)
            self._next()
        elif unit.state in {states.BACKOFF, states.FATAL, states.EXITED}:
            self._fail(unit)
        elif unit.state == states.STOPPED and not unit.start_again:
            self._fail(unit)  # somebody stopped it meanwhile
        return not self._current

    def _fail(self, unit: Unit) -> None:
        self._current = ""
        self._lifecycle.listener.raised(
            Raised(
                key=f"rolling.{unit.name}",
                severity="error",
                source="supervisor",
                title="A rolling restart stopped",
                detail=f"{unit.name} is not ready ({unit.reason}); {len(self._left)} were left alone.",
            )
        )
        self._done(self._finished, unit.name)
