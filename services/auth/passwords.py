"""Passwords: argon2id hashes, generated ones, and which are too weak."""

import itertools
import math
import re
import secrets

import argon2

# 31 letters and digits that cannot be mistaken for each other: 20 of them hold 99 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5
GENERATED_BITS = _GROUPS * _GROUP * math.log2(len(_ALPHABET))
MIN_LENGTH = 12
MAX_LENGTH = 256
_MIN_UNCOMMON = 5
_COMMON = re.findall(
    r"\w+",
    """
    password passwort passwd qwertyuiop qwertzuiop qwerty qwertz asdfghjkl zxcvbnm letmein welcome
    iloveyou administrator admin trustno sunshine princess football baseball dragon monkey shadow
    master superman batman abc123 abcdefgh changeme default secret login access starwars whatever
    freedom michael charlie jennifer computer internet samsung google bitcoin ethereum satoshi
    binance crypto tothemoon hodl wallet trader trading
    """,
)
_LOOKALIKES = str.maketrans("013457@$!", "oleastasi")
_FILLER = re.compile(r"[\d\W_]+")


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
    """Why a chosen password is refused, as a sentence; "" when it is good enough."""
    if len(password) < MIN_LENGTH:
        return f"The password has {len(password)} characters; at least {MIN_LENGTH} are needed."
    if len(password) > MAX_LENGTH:
        return f"The password has more than {MAX_LENGTH} characters."
    if len(set(password)) < _MIN_UNCOMMON or _is_run(password) or password.isdigit():
        return "The password only repeats, counts or is a number; take something that nobody can guess."
    if len(user) > 3 and user.lower() in password.lower():
        return "The password contains the user name; take something that nobody can guess."
    if len(_uncommon(password)) < _MIN_UNCOMMON:
        return "The password is made of words that are tried first; take something that nobody can guess."
    return ""


def _uncommon(password: str) -> str:
    """What is left of a password without the words, digits and signs that guessers begin with."""
    lowered = password.lower()
    rests = []
    for text in (lowered, lowered.translate(_LOOKALIKES)):
        for word in (*_COMMON, "cryptobot"):
            text = text.replace(word, "")
        rests.append(text)
    shortest = min(rests, key=len)
    return shortest if len(shortest) == len(password) else _FILLER.sub("", shortest)


def _is_run(password: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(password)}
    return len(steps) == 1
