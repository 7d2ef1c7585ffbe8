"""What would happen: the steps of an action before it is carried out, each with its reason."""

from collections.abc import Iterable

import msgspec

from ..configs.errors import UsageError
from . import states
from .lifecycle import Lifecycle
from .order import Graph
from .registry import Manifest


class Step(msgspec.Struct, frozen=True):
    """One thing that would be done to one service."""

    service: str
    action: str
    why: str


def plan_action(lifecycle: Lifecycle, action: str, service: str) -> list[Step]:
    """The steps of start, stop or restart, of one service or of all.

    Raises:
        UsageError: no such action or service.
    """
    if action not in {"start", "stop", "restart"}:
        raise UsageError(f"There is no plan for {action!r}; known are start, stop, restart, reload.")
    order = lifecycle.graph.start_order()
    names = [lifecycle.unit(service).name] if service else order
    if action == "start":
        return _starts(lifecycle, names)
    if action == "stop":
        return [
            Step(name, "stop", "asked for" if service else "everything is stopped, dependents first")
            for name in reversed(names)
            if lifecycle.units[name].state not in states.AT_REST
        ]
    return [Step(name, "restart" if lifecycle.units[name].pid else "start", "asked for") for name in names]


def _starts(lifecycle: Lifecycle, names: list[str]) -> list[Step]:
    steps = []
    for name in lifecycle.graph.with_requirements(names):
        unit = lifecycle.units[name]
        if unit.state not in states.AT_REST and unit.state != states.BACKOFF:
            continue
        if name in names:
            steps.append(Step(name, "start", "asked for"))
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
            changed = _changed(unit.manifest, new[name])
            if running:
                steps.append(Step(name, "restart", f"changed: {changed}"))
            elif not unit.user_stopped:
                steps.append(Step(name, "start", f"changed: {changed}"))
    return steps


def _changed(old: Manifest, new: Manifest) -> str:
    names = [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]
    return ", ".join("its settings" if name == "settings_digest" else name for name in names)
