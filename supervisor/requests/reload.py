"""Taking changed settings and manifests while everything runs."""

from typing import Any

import msgspec

from ...configs import snapshot
from ...configs.errors import UsageError
from ...configs.impact import held_back
from ...configs.schema import Settings
from ..catalogue import addons
from ..catalogue.registry import Manifest, is_built_in, load_groups, spread
from ..context import Context
from ..unit import Unit
from .plan import Step, instances_of, plan_reload

_MOST_INSTANCES = 100


def new_manifests(supervisor: Context) -> tuple[Settings, list[Manifest]]:
    """The settings and services as the files have them now.

    Raises:
        SettingsError: a file is broken; nothing was changed.
    """
    from ...configs.load import load  # reading YAML is not needed before the first reload

    settings, _ = held_back(supervisor.settings, load(supervisor.home, supervisor.overrides).settings)
    return settings, supervisor.manifests(settings)


def waiting_for_a_person(supervisor: Context) -> list[Step]:
    """A line for each changed key that a reload leaves as it is."""
    from ...configs.load import load

    _, keys = held_back(supervisor.settings, load(supervisor.home, supervisor.overrides).settings)
    return [Step("platform", "needs you", f"{key} counts after `cryptobot down` and `up`") for key in keys]


def carry_out(supervisor: Context, settings: Settings, manifests: list[Manifest], steps: list[Step]) -> None:
    """Do the steps of a reload plan; what is not named in them goes on untouched."""
    lifecycle = supervisor.lifecycle
    actions = {step.service: step.action for step in steps}
    removed = [name for name, action in actions.items() if action == "remove"]
    for name in removed:
        lifecycle.retire(name)
    supervisor.settings = settings
    snapshot.write(supervisor.home, settings)
    for manifest in manifests:
        unit = lifecycle.units.get(manifest.name)
        if unit is not None and (unit.manifest != manifest or unit.settings != settings.supervisor):
            unit.configure(manifest, settings.supervisor)
    lifecycle.configure(manifests, lambda one: Unit(one, settings.supervisor))
    supervisor.groups.configure(load_groups(supervisor.home))
    for name, action in actions.items():
        if action == "stop":
            lifecycle.stop(name, reason="was disabled")
        elif action == "start":
            lifecycle.start([name])
        elif action == "restart":
            lifecycle.restart(name, "its configuration changed")
    supervisor.settings_changed()
    supervisor.journal.write(
        "info", "reloaded", steps=[f"{step.action} {step.service}: {step.why}" for step in steps]
    )


def scaled(supervisor: Context, name: str, count: int) -> list[Manifest]:
    """All manifests, with so many instances of one service.

    Raises:
        UsageError: there is no such service, it is one of ours, of which there is one a home, or the number.
    """
    lifecycle = supervisor.lifecycle
    if not 1 <= count <= _MOST_INSTANCES:
        raise UsageError(f"A service is scaled to 1 to {_MOST_INSTANCES} instances.")
    if is_built_in(lifecycle.unit(name).name) and count != 1:
        raise UsageError(f"{name} runs once in a home; only services of your own have several instances.")
    base = msgspec.structs.replace(lifecycle.unit(name).manifest, instances=count)
    own = set(instances_of(lifecycle, name))
    others = [unit.manifest for unit in lifecycle.units.values() if unit.name not in own]
    return [*others, *spread([base])]


def scale(supervisor: Context, name: str, count: int) -> list[Step]:
    """Run this many instances from now on, until the next reload; survivors go on, the newest go first.

    Raises:
        UsageError: as `scaled`.
    """
    lifecycle = supervisor.lifecycle
    manifests = scaled(supervisor, name, count)
    own = set(instances_of(lifecycle, name))
    for manifest in manifests:
        if manifest.name in own:
            lifecycle.units[manifest.name].manifest = manifest  # a changed number alone restarts nobody
    steps = plan_reload(lifecycle, manifests)
    carry_out(supervisor, supervisor.settings, manifests, steps)
    return steps


def add(supervisor: Context, given: dict[str, Any], *, only_plan: bool = False) -> list[Step]:
    """Add a service while everything runs, start it, and keep its manifest in `services.d`.

    Args:
        given: the manifest as its file has it.

    Raises:
        SettingsError: it is wrong, or the services could not be ordered with it.
        UsageError: its name is taken.
    """
    manifest = addons.check(supervisor.home, supervisor.settings, given, "The manifest")
    running = [unit.manifest for unit in supervisor.lifecycle.units.values()]
    manifests = [*running, *spread([manifest])]
    steps = plan_reload(supervisor.lifecycle, manifests)
    if not only_plan:
        addons.keep(supervisor.home, given)
        carry_out(supervisor, supervisor.settings, manifests, steps)
    return steps


def remove(supervisor: Context, name: str, *, only_plan: bool = False) -> list[Step]:
    """Stop a service that was added, forget it, and remove its file.

    Raises:
        SettingsError: another service requires it.
        UsageError: no such service was added.
    """
    path = addons.file_of(supervisor.home, name)
    lifecycle = supervisor.lifecycle
    own = set(instances_of(lifecycle, name)) if name in lifecycle.units else set()
    manifests = [unit.manifest for unit in lifecycle.units.values() if unit.name not in own]
    steps = [
        msgspec.structs.replace(step, why="asked for") if step.action == "remove" else step
        for step in plan_reload(lifecycle, manifests)
    ]
    if not only_plan:
        path.unlink(missing_ok=True)
        carry_out(supervisor, supervisor.settings, manifests, steps)
    return steps
