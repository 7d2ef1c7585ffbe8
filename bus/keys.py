"""Key pairs of the services for TCP (CURVE), made when first needed, in files that only the user reads.

A public key in the folder is on the allow-list; removing its file shuts its holder out. A folder in it,
named after another machine, holds the public keys alone of the clients there: secrets never leave a machine.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq

from ..configs.errors import BusError
from ..configs.paths import Home
from .epochs import file_name, source_of
from .rules import holder_of


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A CURVE key pair as Z85 text. It has no repr, so that the secret gets into no log."""

    public: bytes
    secret: bytes


class _Stored(msgspec.Struct, frozen=True):
    public: str
    secret: str = ""


def pair(home: Home, name: str) -> Pair:
    """The keys of a client, made now if there are none.

    Raises:
        BusError: the file is damaged.
    """
    path = _path(home, holder_of(name))
    for _ in range(2):
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
            return Pair(stored.public.encode(), stored.secret.encode())
        except FileNotFoundError:
            _make(path)
        except msgspec.MsgspecError as error:
            raise BusError(f"The keys in {path} are damaged; remove the file to make new ones.") from error
    raise BusError(f"The keys in {path} cannot be made.")


def public_of(home: Home, name: str, machine: str) -> bytes:
    """The public key of a server; `machine` is the other one that it is on, "" for this one.

    Raises:
        BusError: the key of a server elsewhere was not brought here.
    """
    if not machine:
        return pair(home, name).public
    path = _folder(home) / machine / file_of(name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored).public.encode()
    except (OSError, msgspec.MsgspecError) as error:
        raise BusError(
            f"The public key of {name} on {machine}, {path}, is not there or damaged; copy the folder of "
            "this machine that `cryptobot export` wrote into the home again."
        ) from error


def made() -> bytes:
    """The content of the file of a new pair."""
    public, secret = zmq.curve_keypair()
    return msgspec.json.encode(_Stored(public=public.decode(), secret=secret.decode()))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = made()
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    # A link is made whole or not at all, and never over the keys that another process made meanwhile.
    with contextlib.suppress(FileExistsError):
        os.link(beside, path)
    beside.unlink()


def allowed(home: Home) -> dict[bytes, str]:
    """The holder of each public key on the allow-list."""
    found = {}
    folder = _folder(home)
    for path in (*folder.glob("*.json"), *folder.glob("*/*.json")):
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
            found[stored.public.encode()] = source_of(path.stem)
    return found


def file_of(name: str) -> str:
    """The name of the file of a client's keys, within keys/bus of a home."""
    return f"{file_name(holder_of(name))}.json"


def _folder(home: Home) -> Path:
    return home.keys / "bus"


def _path(home: Home, name: str) -> Path:
    return _folder(home) / file_of(name)
