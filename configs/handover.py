"""Secrets on their way from supervisor to service: through an inherited pipe, never by argv or environment.

The supervisor calls `pack` with the names in the service's manifest, writes the bytes into a pipe, lets the
child inherit the reading end and names its number in CRYPTOBOT_SECRETS_FD. The child calls `receive` once.
"""

import os
from collections.abc import Iterable, MutableMapping

import msgspec

from .errors import SettingsError, StartError
from .secret import Secret
from .vault import Vault

VARIABLE = "CRYPTOBOT_SECRETS_FD"
# A pipe holds 64 KiB before its writer waits (pipe(7)): the supervisor must never wait for a child.
MAX_BYTES = 60_000


def pack(vault: Vault, names: Iterable[str]) -> bytes:
    """The named secrets that there are, for one service; names without a secret are left out.

    Raises:
        SettingsError: the vault cannot be opened, or the secrets are too long for a pipe.
    """
    there = {info.name for info in vault.names()}
    data = msgspec.json.encode({name: vault.get(name).reveal() for name in names if name in there})
    if len(data) > MAX_BYTES:
        raise SettingsError(f"The secrets of one service have more than {MAX_BYTES} bytes together.")
    return data


def receive(environ: MutableMapping[str, str]) -> dict[str, Secret] | None:
    """What the supervisor handed over; None when it handed over nothing. The descriptor is closed.

    Raises:
        StartError: what came through the pipe cannot be read.
    """
    number = environ.pop(VARIABLE, "")
    if not number:
        return None
    try:
        with os.fdopen(int(number), "rb") as pipe:
            texts = msgspec.json.decode(pipe.read(MAX_BYTES + 1), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise StartError("The secrets that the supervisor handed over cannot be read.") from error
    return {name: Secret(text) for name, text in texts.items()}
