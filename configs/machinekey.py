"""A random key of this home (keys/machine-key, mode 0600): made once, read by whoever seals for it."""

import os
import secrets
from pathlib import Path

from .errors import SettingsError
from .paths import Home

_BYTES = 32


def machine_key(home: Home) -> bytes:
    """32 random bytes, the same for the lifetime of the home.

    Raises:
        SettingsError: the file is damaged or cannot be read or made.
    """
    path = home.keys / "machine-key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_if_missing(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise SettingsError(f"The key file {path} cannot be used ({error.strerror}).") from error
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise SettingsError(f"The key file {path} is damaged; restore it from a backup of the home.")
    return key


def _make_if_missing(path: Path) -> None:
    """Two processes may come at once: the first link wins, and nobody sees half a key."""
    if path.exists():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    except OSError:
        beside.replace(path)  # a file system without hard links
    finally:
        beside.unlink(missing_ok=True)
