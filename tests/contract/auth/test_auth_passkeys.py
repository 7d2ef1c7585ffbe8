"""Passkeys: made, used, refused."""

import asyncio
import sys
from pathlib import Path

import pytest
from cryptobot.bus.contracts.auth import CheckSession
from cryptobot.bus.contracts.signin import (
    BeginPasskey,
    BeginPasskeyLogin,
    FinishPasskey,
    FinishPasskeyLogin,
    ListPasskeys,
    RemovePasskey,
)
from cryptobot.configs.errors import RequestFailedError

sys.path.insert(0, str(Path(__file__).parent))
from software_key import PRESENT, SoftwareKey

ORIGIN = "https://localhost:8443"


async def refused(auth, wish) -> str:
    """The code of a refusal."""
    with pytest.raises(RequestFailedError) as caught:
        await auth.ask(wish)
    return caught.value.code


async def made(auth, key: SoftwareKey) -> str:
    """A session of the admin, who has this passkey now."""
    token = await auth.admin_token()
    begun = await auth.ask(BeginPasskey(token=token, origin=ORIGIN))
    response = key.register(begun.options)
    await auth.ask(FinishPasskey(token=token, ceremony=begun.ceremony, response=response, name="phone"))
    return token


async def log_in(auth, key: SoftwareKey, origin: str = ORIGIN):
    """What a login by this passkey comes to."""
    begun = await auth.ask(BeginPasskeyLogin(origin=origin))
    wish = FinishPasskeyLogin(
        ceremony=begun.ceremony, response=key.sign(begun.options), address="127.0.0.1"
    )
    return wish, await auth.ask(wish)


def test_a_passkey_logs_in_without_a_password(running_auth):
    """The session is the user's, and dangerous things are open for a while."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            await made(auth, key)
            _, result = await log_in(auth, key)
            session = await auth.ask(CheckSession(token=result.token))
            assert (session.user, session.stepped_up_until_ms > auth.clock.ms) == ("admin", True)

    asyncio.run(scenario())


def test_an_answer_counts_once(running_auth):
    """Whoever overhears a login cannot repeat it."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            await made(auth, key)
            wish, _ = await log_in(auth, key)
            assert (await auth.ask(wish)).code == "ceremony_unknown"

    asyncio.run(scenario())


def test_a_ceremony_does_not_wait_for_ever(running_auth):
    """After five minutes the challenge is worth nothing."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            await made(auth, key)
            begun = await auth.ask(BeginPasskeyLogin(origin=ORIGIN))
            auth.clock.pass_s(301)
            wish = FinishPasskeyLogin(
                ceremony=begun.ceremony, response=key.sign(begun.options), address="127.0.0.1"
            )
            assert (await auth.ask(wish)).code == "ceremony_unknown"

    asyncio.run(scenario())


def test_a_page_of_another_origin_cannot_log_in(running_auth):
    """A forged page gets a signature for its own origin, which auth refuses."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            await made(auth, key)
            key.origin = "https://localhost.evil.example"
            _, result = await log_in(auth, key)
            assert (result.token, result.code) == ("", "passkey_wrong")

    asyncio.run(scenario())


def test_another_key_under_a_known_name_is_refused(running_auth):
    """The signature must be of the key that was kept."""

    async def scenario():
        async with running_auth() as auth:
            key, thief = SoftwareKey(ORIGIN), SoftwareKey(ORIGIN)
            await made(auth, key)
            thief.id = key.id
            _, result = await log_in(auth, thief)
            assert result.code == "passkey_wrong"

    asyncio.run(scenario())


def test_a_copied_passkey_is_noticed_by_its_counter(running_auth):
    """A device whose counter goes back is a copy."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            await made(auth, key)
            key.uses = 10
            assert (await log_in(auth, key))[1].code == ""
            key.uses = 3
            assert (await log_in(auth, key))[1].code == "passkey_wrong"

    asyncio.run(scenario())


def test_a_passkey_must_check_its_person(running_auth):
    """Touch alone, without finger, face or PIN, is not enough for a login without a password."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            begun = await auth.ask(BeginPasskey(token=token, origin=ORIGIN))
            response = SoftwareKey(ORIGIN, PRESENT).register(begun.options)
            wish = FinishPasskey(token=token, ceremony=begun.ceremony, response=response)
            assert await refused(auth, wish) == "passkey_wrong"

    asyncio.run(scenario())


def test_passkeys_belong_to_names(running_auth):
    """Browsers know no passkeys for addresses, and none without TLS; the sentence says where to go."""

    async def scenario():
        async with running_auth() as auth:
            for origin in ("https://127.0.0.1:8443", "https://[::1]:8443", "http://localhost", ""):
                assert await refused(auth, BeginPasskeyLogin(origin=origin)) == "origin_wrong"

    asyncio.run(scenario())


def test_passkeys_are_listed_and_removed(running_auth):
    """A removed passkey logs nobody in."""

    async def scenario():
        async with running_auth() as auth:
            key = SoftwareKey(ORIGIN)
            token = await made(auth, key)
            found = (await auth.ask(ListPasskeys(token=token))).passkeys
            assert [one.name for one in found] == ["phone"]
            await auth.ask(RemovePasskey(token=token, id=found[0].id))
            assert await refused(auth, RemovePasskey(token=token, id=found[0].id)) == "passkey_unknown"
            assert (await log_in(auth, key))[1].code == "passkey_wrong"

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 3}', "x" * 30_000])
def test_a_broken_answer_is_a_refusal(running_auth, text):
    """Nothing a browser sends makes auth stumble."""

    async def scenario():
        async with running_auth() as auth:
            begun = await auth.ask(BeginPasskeyLogin(origin=ORIGIN))
            wish = FinishPasskeyLogin(ceremony=begun.ceremony, response=text, address="127.0.0.1")
            assert (await auth.ask(wish)).code == "passkey_wrong"

    asyncio.run(scenario())
