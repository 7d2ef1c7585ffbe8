"""Where the broker and the services of a home are found, whichever of them is up.

Unix sockets have fixed names. A TCP port is taken when its address is first asked for, by either side,
and kept in `run/endpoints/`; a server that finds its port taken by a stranger moves, and clients follow.
Where the services are spread over machines, the settings fix every address (configs/machines.py).
"""

import contextlib
import os
import socket
import sys
from pathlib import Path

import msgspec
import zmq

from ..configs import machines, snapshot
from ..configs.errors import BusError, NotRunningError
from ..configs.files import replace
from ..configs.paths import Home
from ..configs.schema import BusSettings
from ..configs.sections.machines import MachinesSettings
from .epochs import file_name

BROKER = "bus"
"""The broker's own service name, for requests."""
PUBLISH = "bus-in"
"""The broker's place where publishers connect."""
SUBSCRIBE = "bus-out"
"""The broker's place where subscribers connect."""


def direct(service: str) -> str:
    """The place where a service publishes without the broker."""
    return f"{service}-direct"


class _Stored(msgspec.Struct, frozen=True):
    address: str


class Endpoints:
    """Addresses of one home. `secure` says that they are TCP and need keys."""

    def __init__(self, home: Home, settings: BusSettings, spread: MachinesSettings | None = None) -> None:
        self.home = home
        self._host = settings.host
        self._here = spread.here if spread is not None else ""
        self._fixed = machines.places(spread) if spread is not None else {}
        tcp = settings.transport == "tcp" or bool(self._fixed)
        self.secure = tcp or (settings.transport == "auto" and not ipc_available())

    def address(self, place: str) -> str:
        """Where a place is: a service's name, PUBLISH or SUBSCRIBE."""
        if not self.secure:
            return f"ipc://{self.home.sockets}/{place}.sock"
        fixed = self._fixed.get(place)
        if fixed is not None:
            return f"tcp://{fixed.address}:{fixed.port}"
        return _stored(self._path(place)) or self._take(place)

    def listening(self, place: str) -> str:
        """Where a server binds so that others find it at `address`."""
        fixed = self._fixed.get(place)
        if fixed is None:
            return self.address(place)
        return f"tcp://{self._host}:{fixed.port}"

    def is_fixed(self, place: str) -> bool:
        """Whether the settings say where it is: such a server cannot move."""
        return place in self._fixed

    def elsewhere(self, place: str) -> str:
        """The other machine that a place is on; "" when it is on this one."""
        fixed = self._fixed.get(place)
        return fixed.machine if fixed is not None and fixed.machine != self._here else ""

    def prepare(self) -> None:
        """Make the folder that a server's address needs."""
        folder = self._path("any").parent if self.secure else self.home.sockets
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def move(self, place: str) -> str:
        """A new address for a place whose port another program has taken."""
        address = self._free()
        replace(self._path(place), _encode(address))
        return address

    def describe(self) -> dict[str, str]:
        """The broker's addresses, for the connection file."""
        return {"publish": self.address(PUBLISH), "subscribe": self.address(SUBSCRIBE)}

    def _take(self, place: str) -> str:
        path = self._path(place)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        address = self._free()
        beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        beside.write_bytes(_encode(address))
        # The first to link its file decides; the others read what it says.
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
        return _stored(path) or address

    def _free(self) -> str:
        with socket.socket() as probe:
            probe.bind((self._host, 0))
            return f"tcp://{self._host}:{probe.getsockname()[1]}"

    def _path(self, place: str) -> Path:
        return self.home.run / "endpoints" / f"{file_name(place)}.json"


def _encode(address: str) -> bytes:
    return msgspec.json.encode(_Stored(address=address))


def _stored(path: Path) -> str:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored).address
    except FileNotFoundError:
        return ""
    except msgspec.MsgspecError as error:
        raise BusError(f"The address in {path} is damaged; remove the file to make a new one.") from error


def of(home: Home) -> Endpoints:
    """The endpoints of a home."""
    try:
        settings = snapshot.read(home)
    except NotRunningError:
        return Endpoints(home, BusSettings())
    return Endpoints(home, settings.bus, settings.machines)


def bus_settings(home: Home) -> BusSettings:
    """The bus's settings in force, else the defaults: a client may open before the first start."""
    try:
        return snapshot.read(home).bus
    except NotRunningError:
        return BusSettings()


def ipc_available() -> bool:
    """Whether ZeroMQ has unix sockets here."""
    return sys.platform != "win32" and bool(zmq.has("ipc"))
