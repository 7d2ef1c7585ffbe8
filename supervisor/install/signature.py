"""Who vouches for an add-on: Ed25519 signatures over a wheel's RECORD, and the keys that this home trusts.

The signature is the wheel format's own `RECORD.jws`: a JSON Web Signature (RFC 7515, RFC 8037) whose payload
is the hash of RECORD, which in turn holds the hash of every file. pip ignores it.
"""

import base64
import binascii
import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ...configs.addonseals import TRUST
from ...configs.errors import SettingsError, UsageError
from ...configs.files import replace
from ...configs.paths import Home

_PREFIX = "ed25519:"
_KEY_BYTES = 32
_OWN = "addon-signing.key"


class TrustedKey(msgspec.Struct, frozen=True):
    """A key whose add-ons this home takes; `since` is a UTC day."""

    key: str
    note: str = ""
    since: str = ""


def sign(record: str, private: Ed25519PrivateKey) -> bytes:
    """The content of RECORD.jws."""
    public = _b64(private.public_key().public_bytes_raw())
    protected = _b64(_json({"alg": "EdDSA", "jwk": {"crv": "Ed25519", "kty": "OKP", "x": public}}))
    payload = _b64(_json({"hash": _hash(record)}))
    signature = _b64(private.sign(f"{protected}.{payload}".encode()))
    return _json({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})


def signers(record: str, signature: bytes, source: str) -> tuple[str, ...]:
    """The keys that signed this RECORD, as `ed25519:…`.

    Raises:
        UsageError: a signature does not fit: something was changed after it was signed.
    """
    try:
        document = json.loads(signature)
        payload = str(document["payload"])
        rows = [_row(row) for row in document["signatures"]]
        promised = json.loads(_raw(payload))["hash"]
        for key, protected, value in rows:
            Ed25519PublicKey.from_public_bytes(key).verify(value, f"{protected}.{payload}".encode())
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
        raise UsageError(f"{source} was changed, or badly signed: its signature does not fit.") from error
    if promised != _hash(record):
        raise UsageError(f"{source} was changed: its RECORD is not the one that was signed.")
    return tuple(_PREFIX + _b64(key) for key, _, _ in rows)


def own_key(home: Home) -> Ed25519PrivateKey:
    """The key that this home signs with, made when first needed (keys/addon-signing.key, mode 0600).

    Raises:
        SettingsError: the file is damaged or cannot be made.
    """
    path = home.keys / _OWN
    try:
        if not path.exists():
            home.create()
            replace(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except OSError as error:
        raise SettingsError(f"The key {path} cannot be used ({error.strerror}).") from error
    except ValueError as error:
        raise SettingsError(f"The key {path} is damaged; restore it from a backup of the home.") from error


def read_key(path: Path) -> Ed25519PrivateKey:
    """A signing key from a file of 64 hexadecimal digits, for those who sign elsewhere.

    Raises:
        UsageError: there is none.
    """
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} holds no signing key of 64 hexadecimal digits.") from error


def public_text(private: Ed25519PrivateKey) -> str:
    """How others name this key: `ed25519:` and 43 characters."""
    return _PREFIX + _b64(private.public_key().public_bytes_raw())


def check_key(text: str) -> str:
    """A public key as people write it.

    Raises:
        UsageError: it is none.
    """
    try:
        raw = _raw(text.strip().removeprefix(_PREFIX))
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UsageError(f"{text!r} is no key: `ed25519:` and 43 characters, as `addon sign` prints it.")
    return _PREFIX + _b64(raw)


def trusted(home: Home) -> list[TrustedKey]:
    """The keys that this home trusts, its own first.

    Raises:
        SettingsError: the file is damaged.
    """
    own = []
    if (home.keys / _OWN).exists():
        own.append(TrustedKey(public_text(own_key(home)), "this home's own"))
    return own + _stored(home)


def signed_by_own(home: Home, keys: tuple[str, ...]) -> bool:
    """Whether this home's own key is one of these."""
    return (home.keys / _OWN).exists() and public_text(own_key(home)) in keys


def trust(home: Home, key: str, note: str) -> None:
    """Take add-ons of this key from now on."""
    kept = _stored(home)
    if any(one.key == key for one in trusted(home)):
        return
    home.create()
    _store(home, [*kept, TrustedKey(key, note, time.strftime("%Y-%m-%d", time.gmtime()))])


def distrust(home: Home, key: str) -> None:
    """Take no more add-ons of this key; those that are installed then fail `addon verify`.

    Raises:
        UsageError: it is not trusted.
    """
    kept = _stored(home)
    left = [one for one in kept if one.key != key]
    if len(left) == len(kept):
        raise UsageError(f"The key {key} is not among the trusted ones; `cryptobot addon keys` lists them.")
    _store(home, left)


def _stored(home: Home) -> list[TrustedKey]:
    path = home.keys / TRUST
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[TrustedKey])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{path} cannot be read; without it no add-on of others is trusted.") from error


def _store(home: Home, keys: list[TrustedKey]) -> None:
    replace(home.keys / TRUST, msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")


def _row(row: Any) -> tuple[bytes, str, bytes]:
    protected = str(row["protected"])
    header = json.loads(_raw(protected))
    if header["alg"] != "EdDSA" or header["jwk"]["kty"] != "OKP" or header["jwk"]["crv"] != "Ed25519":
        raise ValueError(header)
    return _raw(header["jwk"]["x"]), protected, _raw(row["signature"])


def _hash(record: str) -> str:
    return "sha256=" + _b64(hashlib.sha256(record.encode()).digest())


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
