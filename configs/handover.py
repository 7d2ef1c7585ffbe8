"""Secrets on their way from supervisor to service: by an inherited descriptor, never argv or environment.

The supervisor opens the vault (`Handing`), puts what a service's manifest names into a memory file or a pipe
(`open_descriptor`), and lets the child inherit that; CRYPTOBOT_SECRETS_FD holds its number only. The child
takes it once, as the first thing (`take`). Without a supervisor a service reads the vault itself (`find`).
"""

import contextlib
import fnmatch
import os
import secrets
import sys
import threading
from collections.abc import Iterable, MutableMapping

import msgspec

from .errors import SettingsError, StartError
from .paths import Home
from .secret import Secret
from .vault import Vault

VARIABLE = "CRYPTOBOT_SECRETS_FD"
MAX_BYTES = 60_000
DATABASE_KEY = "database.key"

_handed: dict[str, Secret] | None = None


def pack(vault: Vault, names: Iterable[str]) -> bytes:
    """The named secrets that there are, for one service; names without a secret are left out.

    Args:
        names: full names, or patterns such as `notify.*`.

    Raises:
        SettingsError: the vault cannot be opened, or the secrets are too long.
    """
    there = [info.name for info in vault.names()]
    wanted = {name for pattern in names for name in fnmatch.filter(there, pattern)}
    data = msgspec.json.encode({name: vault.get(name).reveal() for name in sorted(wanted)})
    if len(data) > MAX_BYTES:
        raise SettingsError(f"The secrets of one service have more than {MAX_BYTES} bytes together.")
    return data


class Handing:
    """The supervisor's side. The vault is opened when a service first needs a secret that is stored."""

    def __init__(self, home: Home) -> None:
        self._vault = Vault(home, keep_master=True)

    def descriptor(self, names: Iterable[str]) -> int:
        """A descriptor to read these secrets from, close-on-exec; the caller closes it after the spawn.

        The key of encrypted databases is made here when it is missing: a service could not keep it.

        Raises:
            SettingsError: the vault cannot be opened.
            OSError: there is no descriptor left.
        """
        wanted = tuple(names)
        if DATABASE_KEY in wanted:
            make_database_key(self._vault)
        return open_descriptor(pack(self._vault, wanted))


def open_descriptor(data: bytes) -> int:
    """Bytes behind a descriptor that never had a name: a memory file where there are such, else a pipe."""
    if sys.platform == "linux":
        memory = os.memfd_create("secrets", os.MFD_CLOEXEC)
        try:
            os.write(memory, data)
            os.lseek(memory, 0, os.SEEK_SET)
        except BaseException:
            os.close(memory)
            raise
        return memory
    reading, writing = os.pipe()
    # A pipe may hold less than what is written, and the supervisor must never wait for a child.
    threading.Thread(target=_write, args=(writing, data), daemon=True).start()
    return reading


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)  # a child that ended without reading is told of by its exit


def take(environ: MutableMapping[str, str]) -> dict[str, Secret] | None:
    """Called once, first, by a service: what the supervisor handed over; None without a supervisor.

    Raises:
        StartError: what was handed over cannot be read.
    """
    global _handed
    _handed = receive(environ)
    return _handed


def receive(environ: MutableMapping[str, str]) -> dict[str, Secret] | None:
    """Read and close the descriptor that the environment names; None when it names none.

    Raises:
        StartError: what came through it cannot be read.
    """
    number = environ.pop(VARIABLE, "")
    if not number:
        return None
    try:
        with os.fdopen(_descriptor(int(number)), "rb") as pipe:
            texts = msgspec.json.decode(pipe.read(MAX_BYTES + 1), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise StartError("The secrets that the supervisor handed over cannot be read.") from error
    return {name: Secret(text) for name, text in texts.items()}


def _descriptor(number: int) -> int:
    """On Windows a handle is inherited, not a descriptor."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, os.O_RDONLY)
    return number


def find(home: Home, name: str) -> Secret | None:
    """A secret that this process may have: one that was handed over, or the vault's without a supervisor.

    Raises:
        SettingsError: the vault cannot be opened.
    """
    if _handed is not None:
        return _handed.get(name)
    vault = Vault(home)
    return vault.get(name) if name in {info.name for info in vault.names()} else None


def names(home: Home, pattern: str) -> list[str]:
    """Names of the secrets that `find` would find, such as those of `notify.*`.

    Raises:
        SettingsError: the vault cannot be opened.
    """
    there = list(_handed) if _handed is not None else [info.name for info in Vault(home).names()]
    return sorted(fnmatch.filter(there, pattern))


def is_supervised() -> bool:
    """Was something handed over to this process, if only nothing?"""
    return _handed is not None


def make_database_key(vault: Vault) -> None:
    """Make the key of encrypted database files where there is none.

    Raises:
        SettingsError: the vault cannot be opened or written.
    """
    if DATABASE_KEY not in {info.name for info in vault.names()}:
        vault.set(DATABASE_KEY, Secret(secrets.token_hex(32)), rotate_days=0)
