"""Second factors, API keys, roles, sessions and the audit log, by requests."""

import asyncio
import importlib
import pkgutil
import sqlite3

import cryptobot.bus.contracts as contracts
import pyotp
import pytest
from cryptobot.bus import topics
from cryptobot.bus.contracts.auth import (
    AddUser,
    BeginTotp,
    ChangeUser,
    CheckApiKey,
    CheckSession,
    ConfirmTotp,
    CreateApiKey,
    DisableTotp,
    EndSession,
    ListApiKeys,
    ListAudit,
    ListSessions,
    ListUsers,
    RemoveUser,
    ResetTotp,
    RevokeApiKey,
    SetRole,
    StepUp,
    VerifyAudit,
    permits,
)
from cryptobot.bus.contracts.base import SCHEMAS
from cryptobot.bus.contracts.factors import (
    GetSecondFactor,
    RenewRecoveryCodes,
    ResetRecoveryCodes,
    SecondFactor,
)
from cryptobot.bus.contracts.service import Audit
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.auth.permissions import ALL


def code_at(auth, secret):
    """The code that a device shows now."""
    return pyotp.TOTP(secret).at(auth.clock.ms // 1000)


async def with_totp(auth):
    """Switch the admin's second factor on; token, secret, recovery codes."""
    token = await auth.admin_token()
    setup = await auth.ask(BeginTotp(token=token, password=auth.password))
    codes = await auth.ask(ConfirmTotp(token=token, code=code_at(auth, setup.secret)))
    auth.clock.pass_s(30)
    return token, setup.secret, codes.codes


async def refused(auth, wish):
    """The code with which a request is refused."""
    with pytest.raises(RequestFailedError) as error:
        await auth.ask(wish)
    return error.value.code


async def settled_audit(auth, count):
    """The audit log, once it has so many entries."""
    for _ in range(500):
        entries = (await auth.ask(ListAudit())).entries
        if len(entries) >= count:
            return entries
        await asyncio.sleep(0)
    raise AssertionError([entry.action for entry in entries])


def test_a_second_factor_is_asked_for_and_no_code_works_twice(running_auth):
    """With a second factor the password alone is not enough, and a code that was seen is worth nothing."""

    async def scenario():
        async with running_auth() as auth:
            _, secret, _ = await with_totp(auth)
            assert (await auth.login("admin", auth.password)).code == "totp_required"
            assert (await auth.login("admin", auth.password, totp="١٢٣٤٥٦")).code == "totp_wrong"
            code = code_at(auth, secret)
            good = await auth.login("admin", auth.password, totp=code)
            assert good.code == ""
            assert good.session.stepped_up_until_ms > auth.clock.ms
            assert (await auth.login("admin", auth.password, totp=code)).code == "totp_wrong"
            assert (await auth.ask(ListUsers())).users[0].totp

    asyncio.run(scenario())


def test_the_same_code_sent_twice_at_once_is_taken_once(running_auth):
    """Two logins with one code at the same moment: one of them fails."""

    async def scenario():
        async with running_auth() as auth:
            _, secret, _ = await with_totp(auth)
            code = code_at(auth, secret)
            results = await asyncio.gather(*(auth.login("admin", auth.password, totp=code) for _ in range(4)))
            assert sorted(result.code for result in results) == ["", "totp_wrong", "totp_wrong", "totp_wrong"]

    asyncio.run(scenario())


def test_clocks_may_differ_by_one_step_but_not_by_more(running_auth):
    """A code of the step before works; one of five minutes ago does not."""

    async def scenario():
        async with running_auth() as auth:
            _, secret, _ = await with_totp(auth)
            auth.clock.pass_s(600)
            old = code_at(auth, secret)
            auth.clock.pass_s(30)
            assert (await auth.login("admin", auth.password, totp=old)).code == ""
            older = code_at(auth, secret)
            auth.clock.pass_s(300)
            assert (await auth.login("admin", auth.password, totp=older)).code == "totp_wrong"

    asyncio.run(scenario())


def test_guessing_codes_is_throttled(running_auth):
    """Asking for the code does not count as a failure; wrong codes do, and end in a wait."""

    async def scenario():
        async with running_auth() as auth:
            await with_totp(auth)
            for _ in range(20):
                assert (await auth.login("admin", auth.password)).code == "totp_required"
            codes = [(await auth.login("admin", auth.password, totp="000000")).code for _ in range(7)]
            assert codes == ["totp_wrong"] * 5 + ["throttled"] * 2

    asyncio.run(scenario())


def test_asking_for_a_code_does_not_forgive_wrong_ones(running_auth):
    """An attacker who knows the password cannot reset the count between two guesses."""

    async def scenario():
        async with running_auth() as auth:
            await with_totp(auth)
            seen = []
            for _ in range(6):
                seen.append((await auth.login("admin", auth.password, totp="000000")).code)
                await auth.login("admin", auth.password)
            assert seen[-1] == "throttled"

    asyncio.run(scenario())


def test_each_recovery_code_works_once(running_auth):
    """A recovery code stands for the device, in any spelling, once."""

    async def scenario():
        async with running_auth() as auth:
            _, _, codes = await with_totp(auth)
            assert len(set(codes)) == 10
            assert (await auth.login("admin", auth.password, totp=codes[0].upper())).code == ""
            assert (await auth.login("admin", auth.password, totp=codes[0])).code == "totp_wrong"
            assert (await auth.login("admin", auth.password, totp=codes[1].replace("-", " "))).code == ""

    asyncio.run(scenario())


def test_new_recovery_codes_void_the_old_ones_and_keep_the_device(running_auth):
    """Only who proved themselves lately gets them; those of before are worth nothing, the device goes on."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            assert await refused(auth, RenewRecoveryCodes(token=token)) == "totp_missing"
            token, secret, old = await with_totp(auth)
            assert await auth.ask(GetSecondFactor(token=token)) == SecondFactor(on=True, recovery_codes=10)
            auth.clock.pass_s(301)
            assert await refused(auth, RenewRecoveryCodes(token=token)) == "step_up_needed"
            await auth.ask(StepUp(token=token, code=old[0]))
            assert (await auth.ask(GetSecondFactor(token=token))).recovery_codes == 9
            new = (await auth.ask(RenewRecoveryCodes(token=token))).codes
            assert len(set(new)) == 10
            assert not set(new) & set(old)
            assert (await auth.login("admin", auth.password, totp=old[1])).code == "totp_wrong"
            assert (await auth.login("admin", auth.password, totp=new[0])).code == ""
            assert (await auth.login("admin", auth.password, totp=code_at(auth, secret))).code == ""
            again = (await auth.ask(ResetRecoveryCodes(user="admin", actor="root"))).codes
            assert (await auth.login("admin", auth.password, totp=new[1])).code == "totp_wrong"
            assert (await auth.login("admin", auth.password, totp=again[0])).code == ""
            entries = (await auth.ask(ListAudit())).entries
            found = [entry.actor for entry in entries if entry.action == "new recovery codes"]
            assert found == ["root", "admin"]

    asyncio.run(scenario())


def test_the_secret_of_a_second_factor_is_not_in_the_database(running_auth, tmp_path):
    """Neither the secret nor a recovery code stands in any file."""

    async def scenario():
        async with running_auth() as auth:
            _, secret, codes = await with_totp(auth)
            return secret, codes

    secret, codes = asyncio.run(scenario())
    data = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    for text in (secret, *codes, codes[0].replace("-", "")):
        assert text.encode() not in data


def test_switching_the_second_factor_needs_password_and_code(running_auth):
    """A stolen session alone can neither begin nor end a second factor."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            assert await refused(auth, BeginTotp(token=token, password="wrong")) == "password_wrong"
            assert await refused(auth, ConfirmTotp(token=token, code="123456")) == "totp_missing"
            token, secret, codes = await with_totp(auth)
            assert await refused(auth, BeginTotp(token=token, password=auth.password)) == "totp_there"
            wrong = DisableTotp(token=token, password=auth.password, code="000000")
            assert await refused(auth, wrong) == "totp_wrong"
            await auth.ask(DisableTotp(token=token, password=auth.password, code=code_at(auth, secret)))
            assert (await auth.login("admin", auth.password)).code == ""
            assert codes

    asyncio.run(scenario())


def test_an_admin_resets_a_lost_second_factor(running_auth):
    """After a reset the password is enough again, and the user's sessions have ended."""

    async def scenario():
        async with running_auth() as auth:
            token, _, _ = await with_totp(auth)
            await auth.ask(ResetTotp(user="admin", actor="root"))
            assert await refused(auth, CheckSession(token=token)) == "session_invalid"
            assert (await auth.login("admin", auth.password)).code == ""

    asyncio.run(scenario())


def test_step_up_lasts_five_minutes(running_auth):
    """Login and proving again who one is open dangerous things for a while, by code where there is one."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            assert (await auth.ask(CheckSession(token=token))).stepped_up_until_ms == auth.clock.ms + 300_000
            auth.clock.pass_s(301)
            assert (await auth.ask(CheckSession(token=token))).stepped_up_until_ms == 0
            assert await refused(auth, StepUp(token=token, password="wrong")) == "password_wrong"
            session = await auth.ask(StepUp(token=token, password=auth.password))
            assert session.stepped_up_until_ms == auth.clock.ms + 300_000
            auth.clock.pass_s(301)
            assert (await auth.ask(CheckSession(token=token))).stepped_up_until_ms == 0
            token, secret, _ = await with_totp(auth)
            auth.clock.pass_s(600)
            assert await refused(auth, StepUp(token=token, password=auth.password)) == "totp_wrong"
            assert (await auth.ask(StepUp(token=token, code=code_at(auth, secret)))).stepped_up_until_ms

    asyncio.run(scenario())


def test_sessions_end_by_idleness_and_by_age(running_auth):
    """Unused for twelve hours, or a week old, a session is over; use keeps it alive in between."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            for _ in range(14):
                auth.clock.pass_s(11.9 * 3600)
                await auth.ask(CheckSession(token=token))
            auth.clock.pass_s(2 * 3600)
            assert await refused(auth, CheckSession(token=token)) == "session_invalid"
            token = await auth.admin_token()
            auth.clock.pass_s(12 * 3600)
            assert await refused(auth, CheckSession(token=token)) == "session_invalid"

    asyncio.run(scenario())


def test_a_clock_that_jumps_back_locks_nobody_out(running_auth):
    """After a jump of a day into the past sessions hold, and a lock-out ends in its own time."""

    async def scenario():
        async with running_auth() as auth:
            token = await auth.admin_token()
            for _ in range(6):
                await auth.login("admin", "wrong", "10.0.0.9")
            auth.clock.pass_s(-1800)
            assert (await auth.ask(CheckSession(token=token))).user == "admin"
            blocked = await auth.login("admin", auth.password, "10.0.0.9")
            assert blocked.retry_after_s <= 2
            auth.clock.pass_s(-86_400)
            assert (await auth.login("admin", auth.password, "10.0.0.9")).code == ""

    asyncio.run(scenario())


def test_people_see_and_end_their_own_sessions(running_auth):
    """A list shows each session's place; one of them, or all others, can be ended."""

    async def scenario():
        async with running_auth() as auth:
            first = await auth.admin_token()
            auth.clock.pass_s(1)
            second = (await auth.login("admin", auth.password, "10.0.0.7")).token
            auth.clock.pass_s(1)
            third = (await auth.login("admin", auth.password, "10.0.0.8")).token
            listed = (await auth.ask(ListSessions(token=first))).sessions
            assert [(entry.address, entry.current) for entry in listed] == [
                ("10.0.0.8", False),
                ("10.0.0.7", False),
                ("127.0.0.1", True),
            ]
            await auth.ask(EndSession(token=first, id=listed[1].id))
            assert await refused(auth, CheckSession(token=second)) == "session_invalid"
            assert await refused(auth, EndSession(token=first, id="0" * 16)) == "session_unknown"
            await auth.ask(EndSession(token=first))
            assert await refused(auth, CheckSession(token=third)) == "session_invalid"
            assert (await auth.ask(CheckSession(token=first))).user == "admin"

    asyncio.run(scenario())


async def new_key(auth, *scopes, **more):
    """An API key of the admin."""
    wish = CreateApiKey(user="admin", name="bot", scopes=list(scopes), actor="test", **more)
    return await auth.ask(wish)


def test_an_api_key_may_do_what_its_scopes_say(running_auth):
    """A key works from its networks until it ends, and its use is noted."""

    async def scenario():
        async with running_auth() as auth:
            made = await new_key(auth, "trade.read", "market.read", valid_s=3600, addresses=["10.0.0.0/8"])
            session = await auth.ask(CheckApiKey(secret=made.secret, address="10.1.2.3"))
            assert (session.user, session.permissions) == ("admin", ["market.read", "trade.read"])
            assert await refused(auth, CheckApiKey(secret=made.secret, address="192.0.2.1")) == "key_address"
            assert (
                await refused(auth, CheckApiKey(secret=made.secret + "x", address="10.1.2.3"))
                == "key_invalid"
            )
            (listed,) = (await auth.ask(ListApiKeys())).keys
            assert (listed.last_address, listed.last_used_ms) == ("10.1.2.3", auth.clock.ms)
            assert made.secret not in repr(listed)
            auth.clock.pass_s(3601)
            assert await refused(auth, CheckApiKey(secret=made.secret, address="10.1.2.3")) == "key_invalid"

    asyncio.run(scenario())


def test_an_api_key_is_never_stronger_than_its_user(running_auth):
    """What the user's role loses, the key loses; what the user is, it is; a revoked key is dead."""

    async def scenario():
        async with running_auth() as auth:
            await auth.ask(AddUser(user="ann", role="trader", actor="t", password="violet-harbour-49-stone"))
            wish = CreateApiKey(user="ann", name="k", scopes=["trade.order", "trade.read"], actor="t")
            made = await auth.ask(wish)
            check = CheckApiKey(secret=made.secret, address="127.0.0.1")
            assert (await auth.ask(check)).permissions == ["trade.order", "trade.read"]
            await auth.ask(ChangeUser(user="ann", actor="t", role="viewer"))
            assert (await auth.ask(check)).permissions == ["trade.read"]
            await auth.ask(ChangeUser(user="ann", actor="t", enabled=False))
            assert await refused(auth, check) == "key_invalid"
            await auth.ask(ChangeUser(user="ann", actor="t", enabled=True))
            await auth.ask(RevokeApiKey(id=made.key.id, actor="t"))
            assert await refused(auth, check) == "key_invalid"
            assert await refused(auth, RevokeApiKey(id=made.key.id, actor="t")) == "key_unknown"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("scopes", "addresses", "code"),
    [
        ([], [], "scopes_missing"),
        (["everything"], [], "permission_unknown"),
        (["trade.read"], ["nowhere"], "address_wrong"),
    ],
)
def test_impossible_keys_are_refused(running_auth, scopes, addresses, code):
    """A key without scopes, with unknown ones, or with a wrong network is not made."""

    async def scenario():
        async with running_auth() as auth:
            wish = CreateApiKey(user="admin", name="k", scopes=scopes, addresses=addresses, actor="t")
            assert await refused(auth, wish) == code

    asyncio.run(scenario())


def test_roles_of_ones_own(running_auth):
    """A role with narrowed permissions is given, changed, and removed when nobody has it."""

    async def scenario():
        async with running_auth() as auth:
            await auth.ask(
                SetRole(role="night-watch", permissions=["trade.halt", "strategy.control:ema-*"], actor="t")
            )
            wish = AddUser(user="bob", role="night-watch", actor="t", password="violet-harbour-49-stone")
            await auth.ask(wish)
            session = (await auth.login("bob", "violet-harbour-49-stone")).session
            assert session.permissions == ["strategy.control:ema-*", "trade.halt"]
            assert await refused(auth, SetRole(role="night-watch", permissions=[], actor="t")) == "role_used"
            assert await refused(auth, SetRole(role="admin", permissions=[], actor="t")) == "role_builtin"
            assert (
                await refused(auth, SetRole(role="x", permissions=["fly"], actor="t")) == "permission_unknown"
            )
            assert (
                await refused(auth, SetRole(role="X Y", permissions=["trade.halt"], actor="t")) == "role_name"
            )
            await auth.ask(RemoveUser(user="bob", actor="t"))
            await auth.ask(SetRole(role="night-watch", permissions=[], actor="t"))
            assert "night-watch" not in (await auth.ask(ListUsers())).roles

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("permissions", "needed", "resource", "allowed"),
    [
        (["trade.read"], "trade.read", "", True),
        (["trade.read"], "trade.order", "", False),
        (["strategy.control:ema-*"], "strategy.control", "ema-cross", True),
        (["strategy.control:ema-*"], "strategy.control", "grid", False),
        (["strategy.control:ema-*"], "strategy.control", "", False),
        (["strategy.control"], "strategy.control", "grid", True),
        ([], "", "", True),
    ],
)
def test_permissions_may_be_narrowed_to_resources(permissions, needed, resource, allowed):
    """A narrowed permission holds for matching resources alone."""
    assert permits(permissions, needed, resource) is allowed


def test_every_permission_of_the_contracts_can_be_given():
    """No request asks for a permission that no role knows."""
    for module in pkgutil.iter_modules(contracts.__path__):
        importlib.import_module(f"{contracts.__name__}.{module.name}")
    needed = {schema.PERMISSION for schema in SCHEMAS.values()} - {""}
    assert needed <= ALL


def test_the_audit_log_holds_what_everybody_did(running_auth):
    """Events of all services are entries, numbered without gaps; they can be filtered and paged."""

    async def scenario():
        async with running_auth() as auth:
            await auth.login("admin", "wrong")
            await auth.login("admin", auth.password)
            halt = Audit(kind="trading", actor="ann", action="halt", subject="all", detail="drill", ok=True)
            auth.client.publish(topics.audit("trading"), halt)
            entries = await settled_audit(auth, 3)
            assert [entry.number for entry in entries] == [3, 2, 1]
            assert [(entry.kind, entry.actor, entry.ok) for entry in entries] == [
                ("trading", "ann", True),
                ("login", "admin", True),
                ("login", "admin", False),
            ]
            assert [e.number for e in (await auth.ask(ListAudit(kind="login", limit=1))).entries] == [2]
            assert [e.number for e in (await auth.ask(ListAudit(search="drill"))).entries] == [3]
            assert [e.number for e in (await auth.ask(ListAudit(before=2))).entries] == [1]
            report = await auth.ask(VerifyAudit())
            assert (report.ok, report.entries) == (True, 3)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE number = 2", "its seal is wrong"),
        ("DELETE FROM audit WHERE number = 2", "the entry is missing"),
        ("DELETE FROM audit WHERE number = 3", "the end was cut off"),
    ],
)
def test_tampering_with_the_audit_log_is_noticed(running_auth, tmp_path, statement, reason):
    """Whoever changes, removes or cuts off entries is found out, with the first wrong number."""

    async def scenario():
        async with running_auth() as auth:
            for _ in range(3):
                await auth.login("admin", auth.password)
            await settled_audit(auth, 3)
            with sqlite3.connect(tmp_path / "home" / "state" / "databases" / "auth.sqlite") as database:
                database.execute(statement)
            report = await auth.ask(VerifyAudit())
            assert not report.ok
            assert report.reason == reason

    asyncio.run(scenario())
