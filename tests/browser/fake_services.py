"""Small services that say of themselves what the real ones would: accounts and supervisor."""

import asyncio
import math
import os
import random
import secrets
import time

import msgspec
from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import (
    AddUser,
    ApiKeys,
    AuditLog,
    ChangePassword,
    CheckSession,
    ListApiKeys,
    ListAudit,
    ListSessions,
    ListUsers,
    Login,
    LoginResult,
    Logout,
    NewPassword,
    RotateSession,
    Session,
    Sessions,
    SessionsRevoked,
    SetRole,
    StepUp,
    User,
    Users,
)
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.factors import GetSecondFactor, SecondFactor
from cryptobot.bus.contracts.service import (
    Audit,
    ControlService,
    GetStatus,
    ServiceState,
    ServiceStats,
    ServiceStatus,
    SupervisorStatus,
)
from cryptobot.bus.contracts.setup import GetSetup, SetupState
from cryptobot.bus.contracts.signin import ListPasskeys, ListProviders, Passkeys, Providers
from cryptobot.configs.errors import RequestFailedError

PASSWORD = "correct horse battery"
ALL = [
    "market.read",
    "service.read",
    "service.control",
    "strategy.read",
    "strategy.control",
    "trade.read",
    "trade.order",
    "trade.halt",
    "account.password",
    "audit.read",
    "config.read",
    "config.write",
    "user.read",
    "user.manage",
    "apikey.manage",
    "health.read",
    "backtest.read",
    "notify.read",
    "notify.manage",
    "bus.read",
    "secret.read",
    "secret.write",
]
VIEWER = ["market.read", "service.read", "strategy.read", "trade.read", "account.password"]
TITLES = {
    "bus": ("Message bus", []),
    "auth": ("Users and sessions", ["bus"]),
    "paper": ("Paper exchange", ["bus"]),
    "data": ("Market data", ["bus", "paper"]),
    "trade": ("Orders and ledger", ["bus", "paper"]),
    "strategy": ("Strategies", ["bus", "data", "trade"]),
    "dashboard": ("Dashboard", ["bus", "auth"]),
}


def now_ms() -> int:
    """Wall-clock milliseconds."""
    return time.time_ns() // 1_000_000


class FakeAuth:
    """Two users, one password; sessions in memory."""

    def __init__(self, bus: AsyncBus) -> None:
        self.bus, self.sessions, self.must_change, self.password = bus, {}, False, PASSWORD
        self.proofs_hold_ms = 300_000
        bus.serve(Login, self.login)
        bus.serve(CheckSession, self.check)
        bus.serve(Logout, self.logout)
        bus.serve(ChangePassword, self.change)
        bus.serve(StepUp, self.step_up)
        bus.serve(RotateSession, self.rotate)
        self.users = {"admin": "admin", "viewer": "viewer"}
        bus.serve(ListUsers, self.list_users)
        bus.serve(AddUser, self.add_user)
        self.own_roles: dict[str, list[str]] = {}
        bus.serve(SetRole, self.set_role)
        bus.serve(GetSetup, lambda request: SetupState(open=True, user="admin"))
        bus.serve(ListProviders, lambda request: Providers(providers=[]))
        bus.serve(GetSecondFactor, lambda request: SecondFactor(on=True, recovery_codes=7))
        bus.serve(ListPasskeys, lambda request: Passkeys(passkeys=[]))
        bus.serve(ListApiKeys, lambda request: ApiKeys(keys=[]))
        bus.serve(ListSessions, lambda request: Sessions(sessions=[]))
        bus.serve(ListAudit, lambda request: AuditLog(entries=[]))

    def login(self, request: Request[Login]) -> LoginResult:
        """As auth: one answer for a wrong name and a wrong password."""
        asked = request.message
        roles = {"admin": ALL, "viewer": VIEWER}
        ok = asked.user in roles and asked.password == self.password
        audit = Audit(
            kind="login", actor=asked.user, action="logged in", subject="", detail=asked.address, ok=ok
        )
        self.bus.publish(topics.audit("login"), audit)
        if not ok:
            return LoginResult(
                token="", session=None, code="login_failed", reason="Name or password is wrong."
            )
        token = secrets.token_urlsafe(32)
        self.sessions[token] = Session(
            user=asked.user,
            role=asked.user,
            permissions=roles[asked.user],
            csrf_token=secrets.token_urlsafe(24),
            expires_ms=now_ms() + 3_600_000,
            must_change_password=self.must_change,
            stepped_up_until_ms=now_ms() + self.proofs_hold_ms,
        )
        return LoginResult(token=token, session=self.sessions[token])

    def check(self, request: Request[CheckSession]) -> Session:
        """The session, or a refusal."""
        session = self.sessions.get(request.message.token)
        if session is None:
            raise RequestFailedError("session_invalid", "The session has ended; log in again.")
        return session

    def step_up(self, request: Request[StepUp]) -> Session:
        """The password proves again who one is; from then on proofs hold as long as usual."""
        asked = request.message
        if asked.password != self.password:
            raise RequestFailedError("wrong_proof", "That code or password is not right.")
        self.proofs_hold_ms = 300_000
        session = self.sessions[asked.token]
        proved = msgspec.structs.replace(session, stepped_up_until_ms=now_ms() + self.proofs_hold_ms)
        self.sessions[asked.token] = proved
        return proved

    def rotate(self, request: Request[RotateSession]) -> LoginResult:
        """The same session under another token."""
        token = secrets.token_urlsafe(32)
        self.sessions[token] = self.sessions.pop(request.message.token)
        return LoginResult(token=token, session=self.sessions[token])

    def logout(self, request: Request[Logout]) -> Done:
        """Forget it."""
        self.sessions.pop(request.message.token, None)
        return Done()

    def list_users(self, request: Request[ListUsers]) -> Users:
        """All accounts."""
        found = [
            User(name=name, role=role, enabled=True, created_ms=1, last_login_ms=now_ms(), sessions=1)
            for name, role in self.users.items()
        ]
        return Users(users=found, roles={"admin": ALL, "viewer": VIEWER} | self.own_roles)

    def set_role(self, request: Request[SetRole]) -> Done:
        """Make, change or, without permissions, forget a role."""
        wish = request.message
        self.own_roles[wish.role] = wish.permissions
        if not wish.permissions:
            del self.own_roles[wish.role]
        return Done(message=f"Role {wish.role} is changed.")

    def add_user(self, request: Request[AddUser]) -> NewPassword:
        """One more."""
        self.users[request.message.user] = request.message.role
        return NewPassword(user=request.message.user, password="k3fq-9dmu-x2tz")

    def change(self, request: Request[ChangePassword]) -> Done:
        """All other sessions end."""
        asked = request.message
        if asked.current != self.password:
            raise RequestFailedError("wrong_password", "The password now is not right.")
        self.password, user = asked.new, self.sessions[asked.token].user
        self.sessions = {asked.token: self.sessions[asked.token]}
        self.bus.publish(topics.audit("session"), SessionsRevoked(user=user))
        return Done()

    def revoke(self) -> None:
        """An administrator ends all sessions."""
        self.sessions.clear()
        self.bus.publish(topics.audit("session"), SessionsRevoked(user="admin"))


class FakeSupervisor:
    """Says of every service that it runs, and obeys."""

    def __init__(self, bus: AsyncBus) -> None:
        self.bus, self.started = bus, time.monotonic()
        self.services = {
            name: {
                "state": "RUNNING",
                "pid": 4100 + index * 7,
                "since": now_ms() - 90_000,
                "restarts": 0,
                "reason": "",
            }
            for index, name in enumerate(TITLES)
        }
        bus.serve(GetStatus, self.status)
        bus.serve(ControlService, self.control)

    def status(self, request: Request[GetStatus]) -> SupervisorStatus:
        """Everything at once."""
        services = [
            ServiceStatus(
                name=name,
                title=TITLES[name][0],
                state=item["state"],
                ready=item["state"] == "RUNNING",
                pid=item["pid"],
                uptime_s=(now_ms() - item["since"]) / 1000,
                restarts=item["restarts"],
                cpu_percent=0.4,
                rss_bytes=60 << 20,
                health="healthy" if item["pid"] else "unknown",
                reason=item["reason"],
                requires=TITLES[name][1],
            )
            for name, item in self.services.items()
        ]
        return SupervisorStatus(
            pid=os.getpid(),
            state="RUNNING",
            uptime_s=time.monotonic() - self.started,
            version="0.1.0",
            services=services,
        )

    async def control(self, request: Request[ControlService]) -> Done:
        """Take the request; the change comes a moment later."""
        asked = request.message
        if asked.service not in self.services:
            raise RequestFailedError("unknown_service", f"There is no service {asked.service!r}.")
        self.bus.start(self._carry_out(asked))
        return Done(message=f"{asked.service}: {asked.action} is under way.")

    async def _carry_out(self, asked: ControlService) -> None:
        steps = {
            "start": ["STARTING", "RUNNING"],
            "stop": ["STOPPING", "STOPPED"],
            "restart": ["STOPPING", "STARTING", "RUNNING"],
        }[asked.action]
        item = self.services[asked.service]
        for state in steps:
            item.update(
                state=state,
                since=now_ms(),
                reason=f"{asked.action} by {asked.actor}" if state != "RUNNING" else "",
            )
            item["pid"] = (
                0
                if state == "STOPPED"
                else random.randint(5000, 9000)
                if state == "STARTING"
                else item["pid"]
            )
            self.say(asked.service)
            await asyncio.sleep(0.3)

    def say(self, name: str) -> None:
        """Publish a state."""
        item = self.services[name]
        state = ServiceState(
            name=name,
            title=TITLES[name][0],
            state=item["state"],
            ready=item["state"] == "RUNNING",
            pid=item["pid"],
            since_ns=item["since"] * 1_000_000,
            restarts=item["restarts"],
            reason=item["reason"],
            health="healthy" if item["pid"] else "unknown",
        )
        self.bus.publish(topics.service_state(name), state)

    def sample(self, turn: int) -> None:
        """Publish what each uses."""
        for index, (name, item) in enumerate(self.services.items()):
            if item["pid"]:
                wave = 1 + math.sin(turn / 9 + index) + random.random()
                stats = ServiceStats(
                    name=name,
                    pid=item["pid"],
                    cpu_percent=round(wave * (1 + index % 3), 1),
                    threads=4,
                    open_files=30,
                    rss_bytes=int((48 + index * 9 + wave) * (1 << 20)),
                    uptime_s=(now_ms() - item["since"]) / 1000,
                )
                self.bus.publish(topics.service_stats(name), stats)
