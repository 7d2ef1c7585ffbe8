"""What a hostile person tried against auth, and why it does not work."""

import asyncio

import pyotp
import pytest
from cryptobot.bus.contracts.auth import (
    AddUser,
    BeginTotp,
    CheckApiKey,
    CheckSession,
    ConfirmTotp,
    CreateApiKey,
    DisableTotp,
    ListAudit,
    RotateSession,
    SetRole,
    StepUp,
    covers,
)
from cryptobot.bus.contracts.base import Delivery
from cryptobot.bus.contracts.signin import BeginPasskeyLogin, FinishPasskeyLogin
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.auth import passwords
from cryptobot.services.auth.pending import MAX_WAITING
from cryptobot.services.auth.permissions import ALL
from cryptobot.supervisor.cli.schemas import all_schemas


async def refused(auth, wish):
    """The code with which a request is refused."""
    with pytest.raises(RequestFailedError) as error:
        await auth.ask(wish)
    return error.value.code


async def with_totp(auth):
    """Switch the admin's second factor on; token and secret."""
    token = await auth.admin_token()
    setup = await auth.ask(BeginTotp(token=token, password=auth.password))
    code = pyotp.TOTP(setup.secret).at(auth.clock.ms // 1000)
    await auth.ask(ConfirmTotp(token=token, code=code))
    auth.clock.pass_s(30)
    return token, setup.secret


def test_the_right_password_does_not_forgive_wrong_codes(running_auth):
    """Who has stolen session and password cannot try all codes: after five the wait begins, and grows."""

    async def scenario():
        async with running_auth() as auth:
            token, secret = await with_totp(auth)
            answers = [
                await refused(auth, DisableTotp(token=token, password=auth.password, code=f"{guess:06}"))
                for guess in range(7)
            ]
            assert answers == ["totp_wrong"] * 5 + ["throttled"] * 2
            right = pyotp.TOTP(secret).at(auth.clock.ms // 1000)
            assert await refused(auth, StepUp(token=token, code=right)) == "throttled"

    asyncio.run(scenario())


def test_a_code_that_logged_in_proves_nothing_a_second_time(running_auth):
    """A code that was overheard at the login opens no step-up."""

    async def scenario():
        async with running_auth() as auth:
            _, secret = await with_totp(auth)
            code = pyotp.TOTP(secret).at(auth.clock.ms // 1000)
            session = await auth.login("admin", auth.password, totp=code)
            assert await refused(auth, StepUp(token=session.token, code=code)) == "totp_wrong"

    asyncio.run(scenario())


def test_a_session_gets_another_token_and_keeps_its_age(running_auth):
    """The old token is worth nothing, the session's end stays, its pages stay valid."""

    async def scenario():
        async with running_auth() as auth:
            old = await auth.login("admin", auth.password)
            auth.clock.pass_s(3600)
            made = await auth.ask(RotateSession(token=old.token))
            assert made.token not in ("", old.token)
            assert made.session.csrf_token == old.session.csrf_token
            assert await refused(auth, CheckSession(token=old.token)) == "session_invalid"
            assert await refused(auth, RotateSession(token=old.token)) == "session_invalid"
            for _ in range(20):
                auth.clock.pass_s(10 * 3600)
                last = made.token
                try:
                    made = await auth.ask(RotateSession(token=last))
                except RequestFailedError as error:
                    assert error.code == "session_invalid"
                    return
            raise AssertionError("rotation made the session live for ever")

    asyncio.run(scenario())


def test_names_of_strangers_cannot_steer_a_terminal(running_auth):
    """Escape sequences and line breaks typed as a user name are not in the audit log."""

    async def scenario():
        async with running_auth() as auth:
            await auth.login("x\x1b[2J\r\nadmin logged in", "wrong", address="1.2.3.4\x1b]0;owned\x07")
            for _ in range(500):
                entries = (await auth.ask(ListAudit())).entries
                if entries:
                    break
                await asyncio.sleep(0)
            text = "".join(f"{one.actor}{one.subject}{one.detail}" for one in entries)
            assert text
            assert text.isprintable()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        (["trade.read"], "trade.read", True),
        (["trade.read"], "trade.read:paper", True),
        (["strategy.control:ema-*"], "strategy.control:ema-1", True),
        (["strategy.control:ema-*"], "strategy.control:ema-*", True),
        (["strategy.control:ema-*"], "strategy.control", False),
        (["strategy.control:ema-*"], "strategy.control:*", False),
        (["strategy.control:ema-*"], "strategy.control:ema-[12]", False),
        (["strategy.control:x[?]"], "strategy.control:x?", False),
        ([], "trade.read", False),
    ],
)
def test_a_pattern_is_covered_by_no_wider_pattern(held, wanted, covered):
    """A narrowed permission gives away nothing beyond itself, however its signs are combined."""
    assert covers(held, wanted) is covered


def test_a_key_of_a_narrowed_role_cannot_be_wider(running_auth):
    """A scope with a wild card beside a role with another one allows nothing."""

    async def scenario():
        async with running_auth() as auth:
            narrow = ["strategy.control:x[?]"]
            await auth.ask(SetRole(role="narrow", permissions=narrow, actor="admin"))
            password = "violet-harbour-49-stone"
            await auth.ask(AddUser(user="eve", role="narrow", actor="admin", password=password))
            made = await auth.ask(
                CreateApiKey(user="eve", name="k", scopes=["strategy.control:x?"], actor="eve")
            )
            held = await auth.ask(CheckApiKey(secret=made.secret, address="127.0.0.1"))
            assert held.permissions == []

    asyncio.run(scenario())


def test_spaces_do_not_make_a_password_long():
    """Several spaces count as one."""
    assert "characters" in passwords.weakness("ab        cd      1", "ann")


def test_only_these_requests_need_no_permission():
    """Whoever adds a request says who may cause it; these come before a login, or from services alone."""
    before_a_login = {
        "BeginPasskeyLogin", "BeginProviderLogin", "CheckApiKey", "CheckSession", "ClaimSetup", "GetSetup",
        "FinishPasskeyLogin", "FinishProviderLogin", "JudgePassword", "ListProviders", "Login", "Logout",
    }  # fmt: skip
    of_services = {"GetSnapshot", "Ping", "Replay"}

    open_ones = {
        schema.__name__
        for schema in all_schemas()
        if schema.DELIVERY is Delivery.REQUEST and not schema.PERMISSION
    }

    assert open_ones == before_a_login | of_services
    assert {schema.PERMISSION for schema in all_schemas()} - {""} <= ALL


def test_nobodys_wrong_codes_keep_others_from_proving_who_they_are(running_auth):
    """Many people type wrong passwords, and strangers guess the admin's: the admin still steps up at once."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            for user in ("ann", "bea", "cem", "dov", "eve", "fay"):
                made = await auth.ask(AddUser(user=user, role="viewer", actor="admin"))
                theirs = (await auth.login(user, made.password)).token
                for _ in range(5):
                    assert await refused(auth, StepUp(token=theirs, password="wrong")) == "password_wrong"
            for number in range(60):
                await auth.login("admin", "a guess", address=f"10.0.0.{number}")
            session = await auth.ask(StepUp(token=token, password=auth.password))
            assert session.stepped_up_until_ms > auth.clock.ms

    asyncio.run(scenario())


def test_begun_logins_that_never_end_keep_nobody_out(running_auth):
    """A stranger begins thousands of logins by passkey; the next one is answered."""

    async def scenario():
        async with running_auth() as auth:
            wish = BeginPasskeyLogin(origin="https://localhost:8443")
            begun = [(await auth.ask(wish)).ceremony for _ in range(MAX_WAITING + 2)]
            unknown = FinishPasskeyLogin(ceremony=begun[0], response="{}", address="")
            known = FinishPasskeyLogin(ceremony=begun[-1], response="{}", address="")
            assert (await auth.ask(unknown)).code == "ceremony_unknown"
            assert (await auth.ask(known)).code == "passkey_wrong"

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ['{"a":' + "[" * 9000, '{"id":"x","response":' + '{"a":' * 3000])
def test_an_answer_of_a_thousand_depths_is_a_refusal(running_auth, text):
    """Whoever is not logged in cannot make auth stumble over its own depth."""

    async def scenario():
        async with running_auth() as auth:
            begun = await auth.ask(BeginPasskeyLogin(origin="https://localhost:8443"))
            result = await auth.ask(FinishPasskeyLogin(ceremony=begun.ceremony, response=text, address=""))
            assert result.code == "passkey_wrong"

    asyncio.run(scenario())
