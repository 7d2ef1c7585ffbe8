"""What a hostile user of the dashboard tried, and why it does not work."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import (
    ApiKey,
    ApiKeys,
    AuditEntry,
    AuditLog,
    CheckSession,
    ListApiKeys,
    ListAudit,
    ListUsers,
    LoginResult,
    RotateSession,
    Session,
    StepUp,
    User,
    Users,
)
from cryptobot.dashboard.sessions import COOKIE, Proof

BASE = "https://localhost:8443"
MakeRig = Callable[[], Any]
ROLES = {"admin": ["user.manage", "trade.order", "apikey.manage"], "clerk": ["user.manage"], "viewer": []}


def account(name: str, role: str) -> User:
    """An account that was never used."""
    return User(name=name, role=role, enabled=True, created_ms=0, last_login_ms=0, sessions=0)


async def as_clerk(make_rig: MakeRig, *permissions: str) -> Any:
    """A rig whose caller may only manage accounts."""
    rig = await make_rig()
    held = rig.auth.sessions["good"].permissions
    held[:] = permissions or ("user.manage", "user.read")
    users = [account("boss", "admin"), account("eve", "viewer")]
    rig.auth.bus.serve(ListUsers, lambda request: Users(users=users, roles=ROLES))
    return rig


async def post(rig: Any, path: str, body: object) -> Any:
    """POST JSON as our own page does."""
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin"}
    return await rig.call("POST", f"/api/v1/{path}", json=body, headers=headers)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users", {"user": "mallory", "role": "admin"}),
        ("users/eve", {"role": "admin"}),
        ("users/boss", {"enabled": False}),
        ("users/BOSS ", {"role": "viewer"}),
        ("users/boss/password", {}),
        ("users/boss/remove", {}),
        ("users/boss/second-factor/reset", {}),
        ("roles/clerk2", {"permissions": ["trade.order"]}),
        ("roles/admin", {"permissions": ["user.manage"]}),
    ],
)
async def test_nobody_administers_beyond_their_own_permissions(
    make_rig: MakeRig, path: str, body: dict[str, Any]
) -> None:
    """Who may only manage accounts can neither become an admin nor take one over."""
    rig = await as_clerk(make_rig)

    answer = await post(rig, path, body)

    assert (answer.status_code, answer.json["code"]) == (403, "beyond_you")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "k", "scopes": ["apikey.manage"], "user": "boss"},
        {"name": "k", "scopes": ["user.manage"]},
        {"name": "k", "scopes": ["trade.order:*"]},
    ],
)
async def test_nobody_makes_a_key_for_others_or_beyond_themselves(
    make_rig: MakeRig, body: dict[str, Any]
) -> None:
    """A role that may make keys makes them for itself, with what it holds."""
    rig = await as_clerk(make_rig, "apikey.manage")

    assert (await post(rig, "keys", body)).status_code == 403


async def test_keys_of_others_are_neither_seen_nor_ended(make_rig: MakeRig) -> None:
    """Without the right to manage accounts there are one's own keys alone."""
    rig = await as_clerk(make_rig, "apikey.manage")
    asked: list[str] = []

    def listed(request: Request[ListApiKeys]) -> ApiKeys:
        asked.append(request.message.user)
        mine = ApiKey(
            id="1", user="admin", name="", scopes=[], addresses=[], created_ms=0, expires_ms=0,
            last_used_ms=0, last_address="",
        )  # fmt: skip
        return ApiKeys(keys=[mine])

    rig.auth.bus.serve(ListApiKeys, listed)

    other = await rig.call("GET", "/api/v1/keys?user=boss")
    own = await rig.call("GET", "/api/v1/keys")
    ended = await post(rig, "keys/2/revoke", {})

    assert (other.status_code, own.status_code, ended.status_code) == (403, 200, 404)
    assert set(asked) == {"admin"}


async def test_a_session_revoked_while_it_is_checked_is_not_remembered(make_rig: MakeRig) -> None:
    """auth's answer may have been under way when the revocation came: the next request asks again."""
    rig = await make_rig()

    def check(request: Request[CheckSession]) -> Session:
        session: Session = rig.auth.sessions[request.message.token]
        rig.sessions.forget_user("admin")
        return session

    rig.auth.bus.serve(CheckSession, check)
    await rig.sessions.check(Proof("good"), "")
    asked: list[str] = []

    def check_again(request: Request[CheckSession]) -> Session:
        asked.append(request.message.token)
        return check(request)

    rig.auth.bus.serve(CheckSession, check_again)
    await rig.sessions.check(Proof("good"), "")

    assert asked == ["good"]


async def test_a_stream_that_opens_while_its_session_is_revoked_ends(make_rig: MakeRig) -> None:
    """The revocation found no stream yet, and the stream had been admitted already: it is checked again."""
    rig = await make_rig()
    sent: list[dict[str, Any]] = []
    ended = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "websocket.accept":
            rig.auth.sessions.clear()
            rig.sessions.forget_user("admin")
        if message["type"] == "websocket.close":
            ended.set()

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "websocket.connect"}
        await ended.wait()
        return {"type": "websocket.disconnect"}

    headers = [
        (b"host", b"localhost:8443"), (b"origin", BASE.encode()), (b"cookie", f"{COOKIE}=good".encode()),
    ]  # fmt: skip
    scope = {"type": "websocket", "headers": headers, "query_string": b"channels=core", "client": ("::1", 1)}

    await asyncio.wait_for(rig.live(scope, receive, send), 45)

    assert sent[-1] == {"type": "websocket.close", "code": 4401}


async def test_proving_again_brings_a_new_token(make_rig: MakeRig) -> None:
    """Whoever stole the session's token before has nothing; the pages of the session go on."""
    rig = await make_rig()
    session = rig.auth.sessions["good"]

    def rotate(request: Request[RotateSession]) -> LoginResult:
        rig.auth.sessions["fresh"] = rig.auth.sessions.pop(request.message.token)
        return LoginResult(token="fresh", session=session)

    rig.auth.bus.serve(StepUp, lambda request: session)
    rig.auth.bus.serve(RotateSession, rotate)

    answer = await post(rig, "account/step-up", {"password": "right"})

    cookie = next(text for text in answer.headers.getlist("Set-Cookie") if "session" in text)
    assert cookie.startswith("__Host-session=fresh;")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert (await rig.call("GET", "/api/v1/session", holder="fresh")).status_code == 200


async def test_a_spreadsheet_takes_nothing_of_the_audit_log_for_a_formula(make_rig: MakeRig) -> None:
    """A user name typed at the login is a text in the table, whatever it begins with."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.append("audit.read")
    entry = AuditEntry(
        number=1, ts_ms=1, source="auth", kind="login", actor='=HYPERLINK("x")', action="login",
        subject="@SUM(1)", detail="-1+1", ok=False, seal="s",
    )  # fmt: skip
    rig.auth.bus.serve(ListAudit, lambda request: AuditLog(entries=[entry]))

    table = (await rig.call("GET", "/api/v1/audit.csv")).text

    assert '"\'=HYPERLINK(""x"")"' in table
    assert "'@SUM(1)" in table
    assert "'-1+1" in table


@pytest.mark.parametrize(
    "path",
    [
        "/static/../service.py",
        "/static/%2e%2e/%2e%2e/keys/ca.key",
        "/api/v1/backtests/..%2f..%2fkeys/report",
        "/api/v1/secrets/..%2f..%2fkeys%2fmachine",
        "/login/with/..%2f..",
    ],
)
async def test_no_path_leads_out_of_the_application(make_rig: MakeRig, path: str) -> None:
    """Whatever is in an address, it names no file."""
    rig = await make_rig()

    answer = await rig.call("GET", path)

    assert answer.status_code in (403, 404, 405, 503, 504)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"])
async def test_headers_of_proxies_are_not_believed(make_rig: MakeRig, name: str) -> None:
    """Nobody gives themselves another address or another host's name."""
    rig = await make_rig()
    headers = {"Origin": BASE, "X-CSRF-Token": "csrf-of-admin", name: "evil.example"}

    answer = await rig.call("GET", "/login/with/none", holder="", headers=headers)

    assert "evil.example" not in answer.text + str(answer.headers)


async def test_a_line_break_in_a_parameter_makes_no_header(make_rig: MakeRig) -> None:
    """Neither a redirect nor a download takes text of a request into its headers."""
    rig = await make_rig()

    for path in ("/login/back?state=x%0d%0aSet-Cookie:%20a=b", "/login/with/a%0d%0aX-Evil:%201"):
        answer = await rig.call("GET", path, holder="")
        assert "X-Evil" not in answer.headers
        assert "a=b" not in str(answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize(
    ("strategy", "data"),
    [
        ("/tmp/evil.py", "paper/BTC-USDT/1h"),
        ("evil.py", "paper/BTC-USDT/1h"),
        ("../keys/x", "paper/BTC-USDT/1h"),
        ("ema_cross", "/etc/passwd"),
        ("ema_cross", "../../keys/machine-key"),
        ("ema_cross", "~/.ssh/id_rsa"),
        ("ema_cross", "keys/initial-password.txt"),
    ],
)
async def test_a_backtest_runs_no_file_of_a_stranger(make_rig: MakeRig, strategy: str, data: str) -> None:
    """Who may run backtests runs strategies by name over series by name: no code and no file by a path."""
    rig = await make_rig()
    rig.auth.sessions["good"].permissions.append("backtest.run")

    answer = await post(rig, "backtests", {"kind": "run", "strategy": strategy, "data": data})

    assert (answer.status_code, answer.json["code"]) == (400, "no_path")
