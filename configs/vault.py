"""The secrets of a home: one encrypted file, each secret under a key of its own.

keys/secrets.json holds, for each secret, the text sealed with a random key (AES-256-GCM), and that key sealed
with the master key (`configs/masterkey.py`). So a new master key re-seals small keys only. The file is
replaced whole; a crash leaves the old one or the new one.
"""

import base64
import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from . import masterkey
from .errors import SettingsError
from .files import replace
from .masterkey import MasterKey, Protection
from .paths import Home
from .secret import Secret
from .shape import nearest

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NONCE = 12
_CHECK = b"cryptobot vault"
DAY_MS = 86_400_000


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """One secret as it is stored; binary in base64."""

    key: str
    text: str
    version: int
    created_ms: int
    changed_ms: int
    rotate_days: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: int = 1
    protection: Protection
    check: str
    secrets: dict[str, _Sealed] = {}


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What may be told of a secret. `version` counts its values; `due` says that it should be changed."""

    name: str
    version: int
    created_ms: int
    changed_ms: int
    rotate_days: int
    due: bool


class Vault:
    """The secrets of one home.

    Args:
        passphrase: for a vault that is protected by one; else CRYPTOBOT_PASSPHRASE is asked.
        environ: instead of the process's environment.
        keep_master: derive a passphrase's key once instead of at each use, for long-lived programs.
    """

    def __init__(
        self,
        home: Home,
        *,
        passphrase: Secret | None = None,
        environ: Mapping[str, str] | None = None,
        keep_master: bool = False,
    ) -> None:
        self._home, self._passphrase = home, passphrase
        self._keep_master = keep_master
        self._kept: MasterKey | None = None
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self._path = home.keys / "secrets.json"

    def names(self) -> list[SecretInfo]:
        """All secrets by name, without their texts; needs no master key.

        Raises:
            SettingsError: the file is damaged or cannot be read.
        """
        file = self._read()
        now = time.time_ns() // 1_000_000
        return [_info(name, sealed, now) for name, sealed in sorted(file.secrets.items())] if file else []

    def get(self, name: str) -> Secret:
        """One secret.

        Raises:
            SettingsError: there is none of that name, the passphrase is wrong, or the file is damaged.
        """
        file = self._read()
        if file is None or name not in file.secrets:
            raise self._unknown(name, file)
        return _open(self._master(file), name, file.secrets[name])

    def set(self, name: str, secret: Secret, *, rotate_days: int = 90) -> SecretInfo:
        """Store a secret, or a new value of it (its version counts on).

        Args:
            rotate_days: after so many days it is due for a change; 0 never.

        Raises:
            SettingsError: the name is not allowed, the passphrase is wrong, or the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"{name!r} cannot name a secret; take small letters, digits, dots, dashes, underscores, "
                f"such as binance.api_key."
            )
        with self._locked():
            file = self._read() or self._new_file()
            master = self._master(file)
            now = time.time_ns() // 1_000_000
            old = file.secrets.get(name)
            version = old.version + 1 if old else 1
            sealed = _seal(master, name, secret, version, old.created_ms if old else now, now, rotate_days)
            self._write(msgspec.structs.replace(file, secrets={**file.secrets, name: sealed}))
        return _info(name, sealed, now)

    def remove(self, name: str) -> None:
        """Take a secret out.

        Raises:
            SettingsError: there is none of that name.
        """
        with self._locked():
            file = self._read()
            if file is None or name not in file.secrets:
                raise self._unknown(name, file)
            rest = {other: sealed for other, sealed in file.secrets.items() if other != name}
            self._write(msgspec.structs.replace(file, secrets=rest))

    def rotate_master(self, kind: str = "", *, passphrase: Secret | None = None) -> None:
        """Take a new master key, of the same or another kind; the secrets themselves stay as they are.

        Args:
            kind: machine, passphrase, environment or keychain; "" keeps the kind.
            passphrase: the new one, where the kind is passphrase.

        Raises:
            SettingsError: the present master key cannot be had, or the new one cannot be made.
        """
        with self._locked():
            file = self._read() or self._new_file()
            old = self._master(file)
            keys = {name: _unwrap(old, name, sealed) for name, sealed in file.secrets.items()}
            new = masterkey.make(self._home, kind or file.protection.kind, passphrase, self._environ)
            secrets = {
                name: msgspec.structs.replace(
                    sealed, key=_encrypt(new.key, keys[name], _bound(name, sealed.version))
                )
                for name, sealed in file.secrets.items()
            }
            check = _encrypt(new.key, _CHECK, _CHECK)
            try:
                self._write(_File(protection=new.protection, check=check, secrets=secrets))
            except SettingsError:
                masterkey.forget(self._home, new.protection)
                raise
            masterkey.forget(self._home, file.protection)
            self._passphrase = passphrase or self._passphrase

    def forget_master(self) -> None:
        """Remove the master key from where it is kept, before the vault itself goes.

        Raises:
            SettingsError: the file is damaged, or the keychain is not to be had.
        """
        file = self._read()
        if file is not None:
            masterkey.forget(self._home, file.protection)

    def master_due(self, rotate_days: int) -> bool:
        """Is the master key older than so many days? 0 is never; needs no master key.

        Raises:
            SettingsError: the file is damaged or cannot be read.
        """
        file = self._read()
        if file is None or not rotate_days:
            return False
        oldest = min((sealed.created_ms for sealed in file.secrets.values()), default=0)
        made_ms = file.protection.made_ms or oldest
        return bool(made_ms) and time.time_ns() // 1_000_000 - made_ms >= rotate_days * DAY_MS

    @property
    def protection(self) -> str:
        """How the master key is kept: machine, passphrase, environment, keychain; "" without a vault."""
        file = self._read()
        return file.protection.kind if file else ""

    def _master(self, file: _File) -> MasterKey:
        if self._kept is not None and self._kept.protection == file.protection:
            return self._kept
        master = masterkey.find(self._home, file.protection, self._passphrase, self._environ)
        if _decrypt(master.key, file.check, _CHECK) != _CHECK:
            raise SettingsError(masterkey.wrong(file.protection.kind))
        if self._keep_master:
            self._kept = master
        return master

    def _new_file(self) -> _File:
        kind = masterkey.default_kind(self._environ)
        master = masterkey.make(self._home, kind, self._passphrase, self._environ)
        return _File(protection=master.protection, check=_encrypt(master.key, _CHECK, _CHECK))

    def _read(self) -> _File | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise SettingsError(
                f"The secrets file {self._path} is damaged; restore it from a backup."
            ) from error
        except OSError as error:
            raise SettingsError(
                f"The secrets file {self._path} cannot be read ({error.strerror})."
            ) from error

    def _write(self, file: _File) -> None:
        try:
            replace(self._path, msgspec.json.format(msgspec.json.encode(file), indent=1))
        except OSError as error:
            raise SettingsError(
                f"The secrets file {self._path} cannot be written ({error.strerror})."
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        import filelock

        try:
            self._home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(str(self._home.keys / "secrets.lock"), timeout=10):
                yield
        except filelock.Timeout as error:
            raise SettingsError(
                "Another program is changing the secrets; try again when it is done."
            ) from error
        except OSError as error:
            raise SettingsError(
                f"The folder {self._home.keys} cannot be written ({error.strerror})."
            ) from error

    def _unknown(self, name: str, file: _File | None) -> SettingsError:
        meant = nearest(name, list(file.secrets) if file else [])
        hint = f"Did you mean {meant}?" if meant else f"Store it with `cryptobot secret set {name}`."
        return SettingsError(f"There is no secret {name}. {hint}")


def _info(name: str, sealed: _Sealed, now_ms: int) -> SecretInfo:
    due = bool(sealed.rotate_days) and now_ms - sealed.changed_ms >= sealed.rotate_days * DAY_MS
    return SecretInfo(name, sealed.version, sealed.created_ms, sealed.changed_ms, sealed.rotate_days, due)


def _seal(
    master: MasterKey, name: str, secret: Secret, version: int, created_ms: int, now_ms: int, rotate_days: int
) -> _Sealed:
    key = os.urandom(32)
    bound = _bound(name, version)
    return _Sealed(
        key=_encrypt(master.key, key, bound),
        text=_encrypt(key, secret.reveal().encode(), bound),
        version=version,
        created_ms=created_ms,
        changed_ms=now_ms,
        rotate_days=rotate_days,
    )


def _open(master: MasterKey, name: str, sealed: _Sealed) -> Secret:
    text = _decrypt(_unwrap(master, name, sealed), sealed.text, _bound(name, sealed.version))
    if text is None:
        raise _damaged(name)
    return Secret(text.decode())


def _unwrap(master: MasterKey, name: str, sealed: _Sealed) -> bytes:
    key = _decrypt(master.key, sealed.key, _bound(name, sealed.version))
    if key is None:
        raise _damaged(name)
    return key


def _damaged(name: str) -> SettingsError:
    return SettingsError(f"The secret {name} is damaged or was tampered with; store it again.")


def _bound(name: str, version: int) -> bytes:
    """What a ciphertext is bound to: it cannot stand for another secret or an older version."""
    return f"{name}:{version}".encode()


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound)).decode()


def _decrypt(key: bytes, sealed: str, bound: bytes) -> bytes | None:
    """None when the key is wrong or the text was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        data = base64.b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound)
    except (InvalidTag, ValueError):
        return None
