"""Time-based one-time passwords (RFC 6238) and recovery codes."""

import hashlib
import hmac
import os
import secrets

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...configs.errors import RequestFailedError

STEP_S = 30
# One step to each side: clocks differ, and people type slowly.
_DRIFT = (0, -1, 1)
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_NONCE = 12


class TotpVault:
    """Seals the secrets of second factors with the machine's key: the database alone gives no codes.

    Args:
        machine_key: 32 bytes.
    """

    def __init__(self, machine_key: bytes) -> None:
        self._cipher = AESGCM(hmac.new(machine_key, b"auth totp", hashlib.sha256).digest())

    def seal(self, user: str, secret: str) -> str:
        """The sealed secret, good for this user only."""
        nonce = os.urandom(_NONCE)
        return (nonce + self._cipher.encrypt(nonce, secret.encode(), user.encode())).hex()

    def open(self, user: str, sealed: str) -> str:
        """The secret.

        Raises:
            RequestFailedError: totp_damaged; an admin must reset this user's second factor.
        """
        data = bytes.fromhex(sealed)
        try:
            return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], user.encode()).decode()
        except InvalidTag:
            raise RequestFailedError(
                "totp_damaged", "The second factor cannot be read any more; an admin must reset it."
            ) from None


def new_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def uri(secret: str, user: str) -> str:
    """What a QR code for an authenticator app holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="CryptoBot")


def matching_step(secret: str, code: str, now_ms: int, last_step: int) -> int:
    """The time step whose code this is; 0 when it is none, or one that was used before."""
    code = code.replace(" ", "")
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        return 0
    generator, present = pyotp.HOTP(secret), now_ms // 1000 // STEP_S
    for drift in _DRIFT:
        step = present + drift
        if step > last_step and hmac.compare_digest(generator.at(step), code):
            return step
    return 0


def recovery_codes() -> list[str]:
    """New codes of 16 signs (79 bits) in groups of four."""
    codes = ("".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(RECOVERY_CODES))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def recovery_hash(user: str, code: str) -> str:
    """How a code is kept: codes are random enough that a plain hash cannot be guessed back."""
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{user}:{plain}".encode()).hexdigest()
