"""Which passwords are good enough, and how they are kept."""

import re

import pytest
from cryptobot.services.auth import passwords
from cryptobot.services.auth.passwords import PasswordHasher, generate, weakness
from cryptobot.services.auth.totp import TotpVault, matching_step, recovery_codes, recovery_hash

CHEAP = PasswordHasher(memory_kib=64, passes=1, lanes=1)


def test_generated_passwords_are_strong_and_readable():
    """99 bits in four groups, without signs that look alike; all differ, and none is called weak."""
    made = {generate() for _ in range(200)}
    assert len(made) == 200
    assert passwords.GENERATED_BITS > 99
    for password in made:
        assert re.fullmatch(r"([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password)
        assert weakness(password, "admin") == ""


@pytest.mark.parametrize(
    "password",
    ["violet-harbour-49-stone", "Drei Tannen im Nebel", "x9#kQ2!vLp0z", "ein ganz langer satz ohne zahl"],
)
def test_good_passwords_are_taken(password):
    """Length and unpredictability count; no signs are prescribed."""
    assert weakness(password, "ann") == ""


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "password1234",
        "P@ssw0rd!2026",
        "qwertyuiop123",
        "111111111111",
        "123456789012",
        "cba987654321" * 30,
        "bitcoin-bitcoin",
        "cryptobot2026!",
        "the-wonderful-anna",
        "admin12345678",
        "letmeinletmein1",
        "abcabcabcabc",
        "iloveyou2024!!",
        "mypassword12345",
        "qwertyuiop[]",
        "P@ssw0rd!P@ssw0rd!",
        "tothemoon2024",
        "margaret19841984",
    ],
)
def test_guessable_passwords_are_refused_with_a_sentence(password):
    """What guessers try first is refused, decorated or not."""
    assert weakness(password, "anna").endswith(".")


def test_a_very_long_password_is_judged_at_once():
    """What takes a guesser for ever must not take us long: only the beginning is judged."""
    assert weakness("violet harbour 49 stone " * 5, "ann") == ""
    assert weakness("a" * 128, "ann").endswith(".")


def test_hashes_are_argon2id_and_differ_each_time():
    """The same password gives another hash each time, and each verifies."""
    first, second = CHEAP.hash("violet-harbour"), CHEAP.hash("violet-harbour")
    assert first.startswith("$argon2id$")
    assert first != second
    assert CHEAP.verify(first, "violet-harbour")
    assert not CHEAP.verify(first, "violet-harbouR")
    assert not CHEAP.verify(None, "violet-harbour")
    assert PasswordHasher().is_dated(first)


def test_codes_are_those_of_rfc_6238():
    """The RFC's own example (appendix B, SHA-1): at 59 s the code ends in 287082."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of the RFC
    assert matching_step(secret, "287082", 59_000, 0) == 1
    assert matching_step(secret, "287 082", 59_000, 0) == 1
    assert matching_step(secret, "287082", 59_000, 1) == 0
    assert matching_step(secret, "28708", 59_000, 0) == 0


def test_a_sealed_secret_belongs_to_its_user():
    """A sealed secret opens for the user it was made for, and for nobody else."""
    vault = TotpVault(b"k" * 32)
    sealed = vault.seal("ann", "SECRET234")
    assert vault.open("ann", sealed) == "SECRET234"
    with pytest.raises(Exception, match="cannot be read any more"):
        vault.open("bob", sealed)


def test_recovery_codes_are_unique_and_spelled_freely():
    """Ten codes; case, dashes and spaces do not matter; another user's hash differs."""
    codes = recovery_codes()
    assert len(set(codes)) == 10
    code = codes[0]
    assert recovery_hash("ann", code) == recovery_hash("ann", code.upper().replace("-", " "))
    assert recovery_hash("ann", code) != recovery_hash("bob", code)


@pytest.mark.parametrize(
    ("password", "score"),
    [("", 0), ("short", 0), ("passwordpassword", 2), ("quiet otter 4711 paints walls", 4), ("x" * 200, 2)],
)
def test_the_meter_says_what_the_rule_says(password, score):
    """Whatever the rule refuses has a score below 3, whatever it takes has 3 or 4."""
    found, reason = passwords.judge(password, "ann")

    assert found <= score if reason else found == score
    assert bool(reason) == (found < 3)
    assert reason == passwords.weakness(password, "ann")
