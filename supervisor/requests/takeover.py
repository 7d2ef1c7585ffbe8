"""What a supervisor that starts now would do with what it finds: said before it is done."""

from ...configs.paths import Home
from ..catalogue.order import Graph
from ..catalogue.registry import Manifest
from ..platform.base import Platform
from ..start.shapes import CHANGED, is_stale
from ..start.store import KEEPER, Kept, Store
from .plan import Step


def plan_start(home: Home, manifests: list[Manifest], platform: Platform) -> list[Step]:
    """What a supervisor that starts now would do: adopt, restart, end or start, each with its reason.

    Raises:
        SettingsError: the services cannot be ordered.
    """
    store = Store(home, platform.boot_id())
    kept = store.load() or {}
    kept.pop(KEEPER, None)
    running = {name: one for name, one in kept.items() if one.born and platform.born(one.pid) == one.born}
    for pid, name in platform.marked(str(home.root)):
        written = kept.get(name)
        same = written is not None and written.pid == pid
        running.setdefault(name, written if written and same else Kept(name=name, pid=pid, born=0))
    known = {manifest.name: manifest for manifest in manifests}
    stopped = store.stopped_by_user()
    steps = [
        Step(name, "end", f"runs as process {one.pid} and is no longer configured")
        for name, one in running.items()
        if name not in known
    ]
    for name in Graph(manifests).start_order():
        if name in running:
            steps.append(_taken_over(running[name], known[name]))
        elif name in stopped:
            steps.append(Step(name, "leave", f"you stopped it; `cryptobot start {name}` starts it"))
        elif known[name].enabled:
            steps.append(Step(name, "start", "starts with the platform"))
    return steps


def _taken_over(kept: Kept, manifest: Manifest) -> Step:
    if is_stale(kept, manifest):
        return Step(kept.name, "restart", f"runs as process {kept.pid}; {CHANGED}")
    return Step(kept.name, "adopt", f"runs as process {kept.pid}")
