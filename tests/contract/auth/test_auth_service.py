"""The auth service as the dashboard and the command line meet it: by requests."""

import asyncio
import os
import re
import sqlite3
import stat

import pytest
from cryptobot.bus import topics
from cryptobot.bus.api import Received
from cryptobot.bus.contracts.auth import (
    AddUser,
    ChangePassword,
    ChangeUser,
    CheckSession,
    ListUsers,
    Logout,
    NewPassword,
    RemoveUser,
    ResetPassword,
    Session,
    SessionsRevoked,
    Users,
)
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.service import Audit
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.auth.passwords import GENERATED_BITS

NEW = "violet-harbour-49-stone"


def test_first_run_writes_a_strong_password_for_its_owner_only(running_auth):
    """The first run makes admin with a generated password in a private file."""

    async def scenario():
        async with running_auth() as auth:
            path = auth.home.keys / "initial-password"
            assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", auth.password)
            assert GENERATED_BITS >= 80
            if os.name == "posix":
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
            result = await auth.login("admin", auth.password)
            assert result.code == ""
            assert result.session is not None
            assert result.session.role == "admin"
            assert "service.control" in result.session.permissions

    asyncio.run(scenario())


def test_second_run_keeps_account_and_sessions(running_auth):
    """Sessions and the password survive a restart of the service."""

    async def scenario():
        async with running_auth() as auth:
            password = auth.password
            token = (await auth.login("admin", password)).token
        async with running_auth() as auth:
            assert auth.password == password
            session = await auth.client.request("auth", CheckSession(token=token), Session)
            assert session.user == "admin"

    asyncio.run(scenario())


def test_token_is_nowhere_on_disk(running_auth, tmp_path):
    """Neither the session token nor the password can be found in the database's files."""

    async def scenario():
        async with running_auth() as auth:
            return (await auth.login("admin", auth.password)).token, auth.password

    token, password = asyncio.run(scenario())
    files = [path for path in (tmp_path / "home" / "state").rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert token.encode() not in content
        assert password.encode() not in content


def test_wrong_password_and_unknown_user_look_the_same(running_auth):
    """A stranger learns nothing about which names exist."""

    async def scenario():
        async with running_auth() as auth:
            wrong = await auth.login("admin", "not the password", "10.0.0.1")
            unknown = await auth.login("nobody", "not the password", "10.0.0.2")
            assert (wrong.code, wrong.reason) == (unknown.code, unknown.reason)
            assert wrong.code == "login_failed"
            assert wrong.token == unknown.token == ""

    asyncio.run(scenario())


def test_guessing_is_throttled_and_others_are_not(running_auth):
    """After five failures the right password is refused from that address, not from another."""

    async def scenario():
        async with running_auth() as auth:
            for _ in range(5):
                await auth.login("admin", "wrong", "10.0.0.1")
            blocked = await auth.login("admin", auth.password, "10.0.0.1")
            assert blocked.code == "throttled"
            assert 0 < blocked.retry_after_s <= 1.0
            assert (await auth.login("admin", auth.password, "10.0.0.2")).code == ""

    asyncio.run(scenario())


def test_parallel_guesses_cannot_slip_past_the_limit(running_auth):
    """Twenty guesses sent at once are counted before they are checked."""

    async def scenario():
        async with running_auth() as auth:
            results = await asyncio.gather(*(auth.login("admin", "wrong", "10.0.0.1") for _ in range(20)))
            assert sum(result.code == "login_failed" for result in results) == 5
            assert sum(result.code == "throttled" for result in results) == 15

    asyncio.run(scenario())


def test_changing_the_password_ends_other_sessions_and_removes_the_file(running_auth):
    """Only the session that changed the password lives on, and the initial password is gone from disk."""

    async def scenario():
        async with running_auth() as auth:
            first = await auth.login("admin", auth.password)
            other = await auth.login("admin", auth.password)
            revoked = asyncio.Event()
            auth.client.subscribe(topics.audit("session"), SessionsRevoked, lambda _: revoked.set())
            wish = ChangePassword(token=first.token, current=auth.password, new=NEW)
            await auth.client.request("auth", wish, Done)
            await asyncio.wait_for(revoked.wait(), 30)
            assert not (auth.home.keys / "initial-password").exists()
            await auth.client.request("auth", CheckSession(token=first.token), Session)
            with pytest.raises(RequestFailedError) as ended:
                await auth.client.request("auth", CheckSession(token=other.token), Session)
            assert ended.value.code == "session_invalid"
            assert (await auth.login("admin", NEW)).code == ""

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "password_weak"),
        ("aaaaaaaaaaaaaaaa", "password_weak"),
        ("abcdefghijklmnop", "password_weak"),
        ("P@ssw0rd1234!", "password_weak"),
        ("my-admin-account-7", "password_weak"),
        ("x" * 300, "password_weak"),
    ],
)
def test_weak_passwords_are_refused(running_auth, new, code):
    """A weak new password is refused with a sentence, and the old one stays."""

    async def scenario():
        async with running_auth() as auth:
            token = (await auth.login("admin", auth.password)).token
            with pytest.raises(RequestFailedError) as refused:
                wish = ChangePassword(token=token, current=auth.password, new=new)
                await auth.client.request("auth", wish, Done)
            assert refused.value.code == code
            assert (await auth.login("admin", auth.password)).code == ""

    asyncio.run(scenario())


def test_wrong_current_password_changes_nothing(running_auth):
    """A stolen session alone cannot change the password."""

    async def scenario():
        async with running_auth() as auth:
            token = (await auth.login("admin", auth.password)).token
            with pytest.raises(RequestFailedError) as refused:
                await auth.client.request("auth", ChangePassword(token=token, current="x", new=NEW), Done)
            assert refused.value.code == "password_wrong"

    asyncio.run(scenario())


def test_logout_ends_the_session(running_auth):
    """After logout the token is worth nothing, and logging out again does no harm."""

    async def scenario():
        async with running_auth() as auth:
            token = (await auth.login("admin", auth.password)).token
            await auth.client.request("auth", Logout(token=token), Done)
            await auth.client.request("auth", Logout(token=token), Done)
            with pytest.raises(RequestFailedError, match="not logged in"):
                await auth.client.request("auth", CheckSession(token=token), Session)

    asyncio.run(scenario())


def test_users_are_added_changed_and_removed(running_auth):
    """An account lives: made with a generated password, given a role, disabled, removed."""

    async def scenario():
        async with running_auth() as auth:
            ask = auth.client.request
            made = await ask("auth", AddUser(user="Ann", role="viewer", actor="test"), NewPassword)
            session = (await auth.login("ann", made.password)).session
            assert session is not None
            assert session.must_change_password
            assert "trade.order" not in session.permissions
            await ask("auth", ChangeUser(user="ann", actor="test", role="trader"), Done)
            trader = await auth.login("ann", made.password)
            assert trader.session is not None
            assert "trade.order" in trader.session.permissions
            await ask("auth", ChangeUser(user="ann", actor="test", enabled=False), Done)
            assert (await auth.login("ann", made.password)).code == "login_failed"
            with pytest.raises(RequestFailedError):
                await ask("auth", CheckSession(token=trader.token), Session)
            await ask("auth", RemoveUser(user="ann", actor="test"), Done)
            users = await ask("auth", ListUsers(), Users)
            assert [user.name for user in users.users] == ["admin"]
            assert set(users.roles) == {"admin", "trader", "viewer"}

    asyncio.run(scenario())


def test_everybody_hears_of_a_lock_by_the_name_of_the_account(running_auth):
    """However the name was typed: the dashboard forgets sessions by the account's own name."""

    async def scenario():
        async with running_auth() as auth:
            heard: asyncio.Queue[str] = asyncio.Queue()
            topic = topics.audit("session")
            auth.client.subscribe(topic, SessionsRevoked, lambda got: heard.put_nowait(got.message.user))
            await auth.ask(AddUser(user="ann", role="viewer", actor="test"))
            await auth.ask(ChangeUser(user=" ANN", actor="test", enabled=False))
            assert await asyncio.wait_for(heard.get(), 30) == "ann"
            await auth.ask(RemoveUser(user="Ann ", actor="test"))
            assert await asyncio.wait_for(heard.get(), 30) == "ann"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (AddUser(user="admin", role="viewer", actor="t"), "user_exists"),
        (AddUser(user="a b", role="viewer", actor="t"), "user_name"),
        (AddUser(user="bob", role="king", actor="t"), "role_unknown"),
        (AddUser(user="bob", role="viewer", actor="t", password="short"), "password_weak"),
        (ResetPassword(user="bob", actor="t"), "user_unknown"),
        (ChangeUser(user="admin", actor="t", role="viewer"), "last_admin"),
        (ChangeUser(user="admin", actor="t", enabled=False), "last_admin"),
        (RemoveUser(user="admin", actor="t"), "last_admin"),
        (RemoveUser(user="bob", actor="t"), "user_unknown"),
    ],
)
def test_impossible_account_changes_are_refused(running_auth, wish, code):
    """Every wrong wish about accounts has its own code and a sentence."""

    async def scenario():
        async with running_auth() as auth:
            with pytest.raises(RequestFailedError) as refused:
                await auth.client.request("auth", wish, type(wish).REPLY)
            assert refused.value.code == code
            assert refused.value.message.endswith(".")

    asyncio.run(scenario())


def test_reset_ends_a_lock_out(running_auth):
    """A person who is locked out gets in at once with the password that an admin gave."""

    async def scenario():
        async with running_auth() as auth:
            for _ in range(6):
                await auth.login("admin", "wrong")
            made = await auth.client.request("auth", ResetPassword(user="admin", actor="t"), NewPassword)
            assert (await auth.login("admin", made.password)).code == ""

    asyncio.run(scenario())


def test_logins_are_audited_without_passwords(running_auth):
    """Each login, good or bad, is an audit event; none holds a password."""

    async def scenario():
        async with running_auth() as auth:
            events: list[Audit] = []
            both = asyncio.Event()

            def note(received: Received[Audit]) -> None:
                events.append(received.message)
                if len(events) == 2:
                    both.set()

            auth.client.subscribe(topics.AUDIT, Audit, note)
            await auth.login("admin", "wrong-guess")
            await auth.login("admin", auth.password)
            await asyncio.wait_for(both.wait(), 30)
            assert [event.ok for event in events] == [False, True]
            assert all(event.kind == "login" and event.actor == "admin" for event in events)
            assert "wrong-guess" not in repr(events)

    asyncio.run(scenario())


def test_sessions_are_in_the_database_of_auth(running_auth, tmp_path):
    """Auth owns one SQLite file, in WAL mode, with one row a session."""

    async def scenario():
        async with running_auth() as auth:
            assert (await auth.login("admin", auth.password)).code == ""

    asyncio.run(scenario())
    with sqlite3.connect(tmp_path / "home" / "state" / "databases" / "auth.sqlite") as database:
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
