"""What would happen: the steps of an action before it is carried out, each with its reason."""

from collections.abc import Iterable

import msgspec

from ...configs.errors import UsageError
from .. import states
from ..catalogue.order import Graph, nearest
from ..catalogue.registry import Manifest
from ..lifecycle import Lifecycle

ACTIONS = ("start", "stop", "restart", "rolling", "scale", "add", "remove", "reload", "shutdown")


class Step(msgspec.Struct, frozen=True):
    """One thing that would be done to one service."""

    service: str
    action: str
    why: str


def members(lifecycle: Lifecycle, group: str) -> list[str]:
    """The services of a group, in the order of their start.

    Raises:
        UsageError: no service is in such a group; the nearest name is given.
    """
    units = lifecycle.units
    found = [name for name in lifecycle.graph.start_order() if units[name].manifest.group == group]
    if not found:
        known = {unit.manifest.group: unit for unit in units.values() if unit.manifest.group}
        hint = nearest(group, known) if known else "no service is in a group."
        raise UsageError(f"There is no group {group!r}; {hint}")
    return found


def named(lifecycle: Lifecycle, service: str, group: str) -> list[str]:
    """The services that a request is about, in the order of their start: one, a group's, or all.

    Raises:
        UsageError: there is no such service or group.
    """
    if group:
        return members(lifecycle, group)
    return [lifecycle.unit(service).name] if service else lifecycle.graph.start_order()


def instances_of(lifecycle: Lifecycle, name: str) -> list[str]:
    """All instances of a service, the oldest first: `worker`, `worker-2`, `worker-3`."""
    count = lifecycle.unit(name).manifest.instances
    others = (f"{name}-{number}" for number in range(2, count + 1))
    return [name, *(other for other in others if other in lifecycle.units)]


def in_turn(lifecycle: Lifecycle, service: str, group: str) -> list[str]:
    """The services of a rolling restart, in its order: the instances of one, a group's, or all that run."""
    if service:
        return instances_of(lifecycle, service)
    return [name for name in named(lifecycle, "", group) if lifecycle.units[name].pid]


def plan_action(lifecycle: Lifecycle, action: str, service: str = "", group: str = "") -> list[Step]:
    """The steps of start, stop, restart, rolling or shutdown, of one service, a group or all.

    Raises:
        UsageError: no such action, service or group.
    """
    if action not in {"start", "stop", "restart", "rolling", "shutdown"}:
        raise UsageError(f"There is no plan for {action!r}; known are {', '.join(ACTIONS)}.")
    if action == "rolling":
        return [
            Step(name, "restart", "first" if number == 1 else "when the one before it is ready")
            for number, name in enumerate(in_turn(lifecycle, service, group), start=1)
        ]
    names = named(lifecycle, service, group)
    asked = f"is in the group {group}" if group else "asked for"
    if action == "start":
        return _starts(lifecycle, names, asked)
    if action in {"stop", "shutdown"}:
        why = asked if service or group else "everything is stopped, dependents first"
        return [
            Step(name, "stop", why)
            for name in reversed(names)
            if lifecycle.units[name].state not in states.AT_REST
        ]
    running = [name for name in names if service or lifecycle.units[name].pid]
    return [Step(name, "restart" if lifecycle.units[name].pid else "start", asked) for name in running]


def _starts(lifecycle: Lifecycle, names: list[str], asked: str) -> list[Step]:
    steps = []
    for name in lifecycle.graph.with_requirements(names):
        unit = lifecycle.units[name]
        if unit.state not in states.AT_REST and unit.state != states.BACKOFF:
            continue
        if name in names:
            if len(names) == 1 or unit.manifest.enabled:
                steps.append(Step(name, "start", asked))
        elif unit.manifest.enabled and not unit.user_stopped:
            needing = next((other for other in names if lifecycle.graph.path_to(other, name)), "")
            path = " > ".join(lifecycle.graph.path_to(needing, name))
            steps.append(Step(name, "start", f"is needed: {path}"))
    return steps


def plan_reload(lifecycle: Lifecycle, manifests: Iterable[Manifest]) -> list[Step]:
    """What a reload with these manifests changes.

    Raises:
        SettingsError: the new services cannot be ordered.
    """
    new = {manifest.name: manifest for manifest in manifests}
    graph = Graph(new.values())
    steps = []
    for name in reversed(lifecycle.graph.start_order()):
        if name not in new:
            steps.append(Step(name, "remove", "is no longer configured"))
        elif not new[name].enabled and lifecycle.units[name].manifest.enabled:
            steps.append(Step(name, "stop", "was disabled"))
    for name in graph.start_order():
        unit = lifecycle.units.get(name)
        if unit is None:
            if new[name].enabled:
                steps.append(Step(name, "start", "is new"))
        elif unit.manifest != new[name] and new[name].enabled:
            running = unit.state not in states.AT_REST
            why = f"changed: {changed(unit.manifest, new[name])}"
            if running:
                steps.append(Step(name, "restart", why))
            elif not unit.user_stopped:
                steps.append(Step(name, "start", why))
    return steps


def changed(old: Manifest, new: Manifest) -> str:
    """The names of what differs, as people read them."""
    names = [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]
    return ", ".join("its settings" if name == "settings_digest" else name for name in names)
