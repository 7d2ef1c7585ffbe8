"""The first run over the bus: the token of the command line opens the first account, once."""

import asyncio
import os
import stat

import pytest
from cryptobot.bus.contracts.auth import AddUser, ChangePassword, LoginResult
from cryptobot.bus.contracts.setup import ClaimSetup, GetSetup
from cryptobot.configs.errors import RequestFailedError

NEW = "violet-harbour-49-stone"


def token_of(auth):
    """The set-up token as the command line reads it."""
    return (auth.home.keys / "setup-token").read_text().strip()


def claim(token, password=NEW):
    """A wish as the wizard sends it."""
    return ClaimSetup(token=token, password=password, address="127.0.0.1", user_agent="test")


def test_the_token_opens_the_first_account_once(running_auth):
    """It sets the password, logs in, and is worth nothing afterwards; the generated password is gone too."""

    async def scenario():
        async with running_auth() as auth:
            token = token_of(auth)
            if os.name == "posix":
                assert stat.S_IMODE((auth.home.keys / "setup-token").stat().st_mode) == 0o600
            assert (await auth.ask(GetSetup())).open
            result = await auth.ask(claim(token))
            assert isinstance(result, LoginResult)
            assert result.token
            assert result.session.user == "admin"
            assert result.session.stepped_up_until_ms > auth.clock()
            assert (await auth.login("admin", NEW)).code == ""
            assert not (await auth.ask(GetSetup())).open
            assert sorted(path.name for path in auth.home.keys.glob("*-password")) == []
            with pytest.raises(RequestFailedError, match="first run is over"):
                await auth.ask(claim(token, "another-harbour-50-stone"))

    asyncio.run(scenario())


def test_a_wrong_token_is_refused_slowed_down_and_noted(running_auth):
    """Guessing is throttled as logins are, and the right token still works afterwards."""

    async def scenario():
        async with running_auth() as auth:
            token = token_of(auth)
            codes = []
            for _ in range(8):
                with pytest.raises(RequestFailedError) as caught:
                    await auth.ask(claim("guess"))
                codes.append(caught.value.code)
            assert codes[0] == "setup_token"
            assert codes[-1] == "throttled"
            auth.clock.pass_s(3600)
            assert (await auth.ask(claim(token))).token

    asyncio.run(scenario())


def test_a_weak_password_leaves_the_wizard_open(running_auth):
    """The rules of every other password hold; the token may be used again."""

    async def scenario():
        async with running_auth() as auth:
            with pytest.raises(RequestFailedError) as caught:
                await auth.ask(claim(token_of(auth), "passwordpassword"))
            assert caught.value.code == "password_weak"
            assert (await auth.ask(claim(token_of(auth)))).token

    asyncio.run(scenario())


def test_whoever_changed_the_first_password_has_closed_the_wizard(running_auth):
    """The other way in ends this one."""

    async def scenario():
        async with running_auth() as auth:
            token, session = token_of(auth), await auth.admin_token()
            await auth.ask(ChangePassword(token=session, current=auth.password, new=NEW))
            assert not (await auth.ask(GetSetup())).open
            with pytest.raises(RequestFailedError, match="first run is over"):
                await auth.ask(claim(token))

    asyncio.run(scenario())


def test_other_accounts_have_no_wizard(running_auth):
    """A home that was set up stays set up, also after a restart."""

    async def scenario():
        async with running_auth() as auth:
            await auth.ask(claim(token_of(auth)))
            await auth.ask(AddUser(user="eve", role="viewer", actor="admin"))
        async with running_auth() as auth:
            assert not (await auth.ask(GetSetup())).open

    asyncio.run(scenario())
