"""Taking changed settings and manifests while everything runs."""

import msgspec

from ..configs import snapshot
from ..configs.errors import UsageError
from ..configs.impact import held_back
from ..configs.schema import Settings
from .context import Context
from .lifecycle import Lifecycle
from .plan import Step, plan_reload
from .registry import Manifest, is_built_in, load_groups, spread
from .unit import Unit


def new_manifests(supervisor: Context) -> tuple[Settings, list[Manifest]]:
    """The settings and services as the files have them now.

    Raises:
        SettingsError: a file is broken; nothing was changed.
    """
    from ..configs.load import load  # reading YAML is not needed before the first reload

    settings, _ = held_back(supervisor.settings, load(supervisor.home, supervisor.overrides).settings)
    return settings, supervisor.manifests(settings)


def waiting_for_a_person(supervisor: Context) -> list[Step]:
    """A line for each changed key that a reload leaves as it is."""
    from ..configs.load import load

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
    supervisor.journal.write(
        "info", "reloaded", steps=[f"{step.action} {step.service}: {step.why}" for step in steps]
    )


def instances_of(lifecycle: Lifecycle, name: str) -> list[str]:
    """All instances of a service, the oldest first: `worker`, `worker-2`, `worker-3`."""
    count = lifecycle.units[name].manifest.instances
    return [
        name,
        *(f"{name}-{number}" for number in range(2, count + 1) if f"{name}-{number}" in lifecycle.units),
    ]


def scale(supervisor: Context, name: str, count: int) -> list[Step]:
    """Run this many instances from now on, until the next reload; survivors go on, the newest go first.

    Raises:
        UsageError: there is no such service, or it is one of ours, of which there is one a home.
    """
    lifecycle = supervisor.lifecycle
    if is_built_in(lifecycle.unit(name).name) and count != 1:
        raise UsageError(f"{name} runs once in a home; only services of your own have several instances.")
    base = msgspec.structs.replace(lifecycle.unit(name).manifest, instances=count)
    own = set(instances_of(lifecycle, name))
    others = [unit.manifest for unit in lifecycle.units.values() if unit.name not in own]
    wanted = {manifest.name: manifest for manifest in spread([base])}
    lifecycle.units[name].manifest = base
    for each in own & set(wanted):
        lifecycle.units[each].manifest = wanted[each]
    manifests = [*others, *wanted.values()]
    steps = plan_reload(lifecycle, manifests)
    carry_out(supervisor, supervisor.settings, manifests, steps)
    return steps
