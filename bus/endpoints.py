"""Where the broker and the services of a home are found."""

import sys
from dataclasses import dataclass

from ..configs import snapshot
from ..configs.errors import NotRunningError
from ..configs.paths import Home
from ..configs.schema import BusSettings

BROKER = "bus"
"""The broker's own service name, for requests."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of one home. `publish` is where publishers connect, `subscribe` where subscribers do."""

    home: Home
    publish: str
    subscribe: str

    def service(self, name: str) -> str:
        """Where the service called `name` takes requests."""
        return f"ipc://{self.home.sockets}/{name}.sock"


def of(home: Home) -> Endpoints:
    """The endpoints of a home."""
    return Endpoints(home, f"ipc://{home.sockets}/bus-in.sock", f"ipc://{home.sockets}/bus-out.sock")


def bus_settings(home: Home) -> BusSettings:
    """The bus's settings in force, else the defaults: a client may open before the first start."""
    try:
        return snapshot.read(home).bus
    except NotRunningError:
        return BusSettings()


def ipc_available() -> bool:
    """Whether ZeroMQ has unix sockets here."""
    import zmq

    return sys.platform != "win32" and bool(zmq.has("ipc"))
