"""Where the vault's master key comes from.

machine       a file of its own in keys/, mode 0600: whoever runs as this user can open the vault
passphrase    argon2id of what a person types, or of CRYPTOBOT_PASSPHRASE
environment   CRYPTOBOT_MASTER_KEY: 64 hexadecimal digits, for containers; the next one, while rotating, is
              CRYPTOBOT_NEW_MASTER_KEY
keychain      the operating system's keychain, through keyring
"""

import contextlib
import hashlib
import importlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from .errors import SettingsError
from .files import replace
from .paths import Home
from .secret import Secret

KINDS = ("machine", "passphrase", "environment", "keychain")
KEY_VARIABLE = "CRYPTOBOT_MASTER_KEY"
NEW_KEY_VARIABLE = "CRYPTOBOT_NEW_MASTER_KEY"
PASSPHRASE_VARIABLE = "CRYPTOBOT_PASSPHRASE"  # noqa: S105  # the name of a variable
_KEYCHAIN = "cryptobot"
_BYTES = 32
_MIN_PASSPHRASE = 8


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """How to find the master key again; holds nothing secret.

    Args:
        id: names the key's file or keychain entry; another one for each new master key.
        salt: hexadecimal, of a passphrase; with argon2id's cost beside it.
        made_ms: when this master key was taken; 0 is not known.
    """

    kind: str
    id: str
    salt: str = ""
    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4
    made_ms: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """The key with its description."""

    key: bytes
    protection: Protection


def default_kind(environ: Mapping[str, str]) -> str:
    """What a new vault is protected by, unless a person chooses."""
    if KEY_VARIABLE in environ:
        return "environment"
    return "passphrase" if PASSPHRASE_VARIABLE in environ else "machine"


def make(home: Home, kind: str, passphrase: Secret | None, environ: Mapping[str, str]) -> MasterKey:
    """A new master key, kept where its kind says.

    Raises:
        SettingsError: the kind is unknown, or its means are missing.
    """
    if kind not in KINDS:
        raise SettingsError(f"Secrets cannot be protected by {kind!r}; choose one of {', '.join(KINDS)}.")
    protection = Protection(
        kind=kind,
        id=secrets.token_hex(8),
        salt=secrets.token_hex(16),
        made_ms=time.time_ns() // 1_000_000,
    )
    if kind == "machine":
        _store(_file(home, protection), secrets.token_hex(_BYTES))
    elif kind == "keychain":
        _keychain_set(_entry(home, protection), secrets.token_hex(_BYTES))
    elif kind == "passphrase":
        text = _passphrase(passphrase, environ)
        if len(text.reveal()) < _MIN_PASSPHRASE:
            raise SettingsError(f"The passphrase needs at least {_MIN_PASSPHRASE} characters.")
    elif NEW_KEY_VARIABLE in environ:
        return MasterKey(_from_hex(environ[NEW_KEY_VARIABLE], "environment"), protection)
    return find(home, protection, passphrase, environ)


def find(
    home: Home, protection: Protection, passphrase: Secret | None, environ: Mapping[str, str]
) -> MasterKey:
    """The master key that a description names. A wrong passphrase gives a wrong key: the vault notices.

    Raises:
        SettingsError: it cannot be had.
    """
    if protection.kind == "machine":
        return MasterKey(_from_hex(_read(_file(home, protection)), "machine"), protection)
    if protection.kind == "environment":
        return MasterKey(_from_hex(environ.get(KEY_VARIABLE, ""), "environment"), protection)
    if protection.kind == "keychain":
        return MasterKey(_from_hex(_keychain_get(_entry(home, protection)), "keychain"), protection)
    return MasterKey(_derive(_passphrase(passphrase, environ), protection), protection)


def forget(home: Home, protection: Protection) -> None:
    """Remove a master key that no vault uses any more; what cannot be removed does no harm."""
    if protection.kind == "machine":
        with contextlib.suppress(OSError):
            _file(home, protection).unlink()
    elif protection.kind == "keychain":
        _keychain_delete(_entry(home, protection))


def wrong(kind: str) -> str:
    """The sentence for a master key that does not open the vault."""
    return {
        "machine": "The key file in keys/ does not belong to these secrets; restore both from one backup.",
        "passphrase": "The passphrase is wrong.",
        "environment": f"{KEY_VARIABLE} is not the key of these secrets.",
        "keychain": "The keychain's entry does not belong to these secrets.",
    }[kind]


def _passphrase(given: Secret | None, environ: Mapping[str, str]) -> Secret:
    if given is not None:
        return given
    if PASSPHRASE_VARIABLE not in environ:
        raise SettingsError(f"The secrets are protected by a passphrase; give it in {PASSPHRASE_VARIABLE}.")
    return Secret(environ[PASSPHRASE_VARIABLE])


def _derive(passphrase: Secret, protection: Protection) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        passphrase.reveal().encode(),
        bytes.fromhex(protection.salt),
        time_cost=protection.passes,
        memory_cost=protection.memory_kib,
        parallelism=protection.lanes,
        hash_len=_BYTES,
        type=Type.ID,
    )


def _from_hex(text: str, kind: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        where = KEY_VARIABLE if kind == "environment" else f"the {kind} key"
        raise SettingsError(
            f"The master key of the secrets is missing or damaged: {where} must have 64 hex digits."
        )
    return key


def _file(home: Home, protection: Protection) -> Path:
    return home.keys / f"vault-key-{protection.id}"


def _store(path: Path, text: str) -> None:
    try:
        replace(path, text.encode())
    except OSError as error:
        raise SettingsError(f"The key file {path} cannot be written ({error.strerror}).") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The key file {path} cannot be read ({error}).") from error


def _entry(home: Home, protection: Protection) -> str:
    """One entry a home and key."""
    digest = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]
    return f"{digest}-{protection.id}"


def _keychain_set(entry: str, text: str) -> None:
    keyring = _keyring()
    try:
        keyring.set_password(_KEYCHAIN, entry, text)
    except keyring.errors.KeyringError as error:
        raise _no_keychain(str(error)) from error


def _keychain_get(entry: str) -> str:
    keyring = _keyring()
    try:
        return keyring.get_password(_KEYCHAIN, entry) or ""
    except keyring.errors.KeyringError as error:
        raise _no_keychain(str(error)) from error


def _keychain_delete(entry: str) -> None:
    keyring = _keyring()
    with contextlib.suppress(keyring.errors.KeyringError):
        keyring.delete_password(_KEYCHAIN, entry)


def _keyring() -> Any:
    """The keyring package, loaded when a keychain is asked for: it looks for all back ends at import."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise _no_keychain("the package keyring is not installed") from error
    importlib.import_module("keyring.errors")
    return keyring


def _no_keychain(reason: str) -> SettingsError:
    return SettingsError(
        f"The keychain cannot be used ({reason}); choose another protection, such as machine."
    )
