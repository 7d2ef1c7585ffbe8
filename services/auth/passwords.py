"""Passwords: argon2id hashes, generated ones, and which are too weak."""

import math
import re
import secrets

import argon2

# 31 letters and digits that cannot be mistaken for each other: 20 of them hold 99 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5
GENERATED_BITS = _GROUPS * _GROUP * math.log2(len(_ALPHABET))
MIN_LENGTH = 12
MAX_LENGTH = 128
# zxcvbn's scale: 10^8 guesses and fewer are 0 to 2.
_MIN_GUESSES_LOG10 = 9.0
# Guesses (as powers of ten) where the scores from 1 to 4 begin; from _TAKEN on a password is good enough.
_SCORES = (3.0, 6.0, _MIN_GUESSES_LOG10, 12.0)
_TAKEN = 3
_JUDGED = 64
_SPACES = re.compile(r"\s+")
_OUR_WORDS = (
    "cryptobot", "bitcoin", "ethereum", "satoshi", "binance", "hodl", "tothemoon", "wallet", "trader",
)  # fmt: skip


class PasswordHasher:
    """argon2id with RFC 9106's second recommended set: 64 MiB, 3 passes, 4 lanes. Blocks for tens of ms."""

    def __init__(self, *, memory_kib: int = 65_536, passes: int = 3, lanes: int = 4) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._nobody = self._argon2.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        return self._argon2.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Is it the right one? Takes as long for a user that does not exist (`stored` None)."""
        try:
            return (
                self._argon2.verify(stored or self._nobody, password[: MAX_LENGTH + 1]) and stored is not None
            )
        except argon2.exceptions.VerificationError:
            return False

    def is_dated(self, stored: str) -> bool:
        """Was it made with other parameters than today's?"""
        return self._argon2.check_needs_rehash(stored)


def generate() -> str:
    """A password to read aloud: four groups of five, 99 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def weakness(password: str, user: str) -> str:
    """Why a chosen password is refused, as a sentence; "" when it is good enough.

    Judged by how many guesses it needs of somebody who tries leaked passwords, words, names, dates, keyboard
    rows and repeats first, decorated or not (Wheeler, "zxcvbn: Low-Budget Password Strength Estimation",
    USENIX Security 2016). No network is asked.
    """
    length = len(_SPACES.sub(" ", password))
    if length < MIN_LENGTH:
        return f"The password has {length} characters (several spaces count as one); {MIN_LENGTH} are needed."
    if len(password) > MAX_LENGTH:
        return f"The password has more than {MAX_LENGTH} characters."
    if len(user) > 3 and user.lower() in password.lower():
        return "The password contains the user name; take something that nobody can guess."
    guesses_log10, warning = _estimate(password, user)
    if guesses_log10 >= _MIN_GUESSES_LOG10:
        return ""
    why = warning.rstrip(".") or "It can be guessed"
    return f"The password is too weak: {why[0].lower()}{why[1:]}. Take four random words, or a generated one."


def judge(password: str, user: str) -> tuple[int, str]:
    """How good a password is, from 0 to 4, and why it is refused ("" when it is taken, from 3 on)."""
    reason = weakness(password, user)
    if not password:
        return 0, reason
    guesses_log10, _ = _estimate(password, user)
    score = next((score for score, least in enumerate(_SCORES) if guesses_log10 < least), len(_SCORES))
    return (min(score, _TAKEN - 1) if reason else max(score, _TAKEN)), reason


def _estimate(password: str, user: str) -> tuple[float, str]:
    """How many guesses it needs (as a power of ten), and what makes it weak."""
    from zxcvbn import zxcvbn

    # Its time grows with the square of the length; what begins strong stays strong.
    found = zxcvbn(password[:_JUDGED], user_inputs=[user, *_OUR_WORDS])
    return float(found["guesses_log10"]), str(found["feedback"]["warning"] or "")
