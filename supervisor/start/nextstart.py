"""At the end of an orderly stop: what the next start may do before it is loaded (headstart.py)."""

import contextlib
import sys

from ...configs import snapshot
from ...configs.paths import Home
from ..catalogue.registry import manifest_folder
from ..lifecycle import Lifecycle
from ..waiting import waits_for_nothing
from ..watch.notify import NOTIFY_NAME
from . import headstart_plan
from .lock import lock_path
from .store import Store


def leave_plan(home: Home, lifecycle: Lifecycle, store: Store) -> None:
    """Write down the services that wait for nothing and whose process takes one plain call."""
    if sys.platform != "linux":
        return
    first = (unit for unit in lifecycle.units.values() if waits_for_nothing(unit))
    simple = [one for one in map(lifecycle.processes.simple, first) if one is not None]
    places = {
        "lock": str(lock_path(home)),
        "notify": str(home.sockets / NOTIFY_NAME),
        "store": str(store.path),
        "settings": str(snapshot.path(home)),
        "stopped": str(store.stopped_path),
        "manifests": str(manifest_folder(home)),
    }
    with contextlib.suppress(OSError):  # a full disk must not keep us from stopping
        headstart_plan.write(home, places, simple)
