"""The auth process: accounts, sessions, second factors, API keys, roles and the audit log on the bus."""

import asyncio
import time
from collections.abc import Callable

from ...configs.errors import SettingsError
from ...configs.machinekey import machine_key
from ...configs.paths import Home
from ...configs.vault import Vault
from ..database.health import watch
from ..database.store import Database, open_database
from ..host.service import Service, run
from .accounts import Accounts
from .apikeys import ApiKeyDesk
from .auditlog import AuditDesk
from .context import AuthContext
from .factors import SecondFactors
from .hashing import Hashing
from .login import LoginDesk
from .models import MIGRATIONS, MODELS
from .passkeys import PasskeyDesk
from .passwords import PasswordHasher
from .providers import SECRET, ProviderDesk
from .reminders import SecretReminder
from .roles import RoleStore
from .sessions import Limits, SessionStore
from .setup import SETUP_TOKEN, SetupDesk
from .totp import TotpVault
from .users import UserDesk

INITIAL_PASSWORD = "initial-password"  # noqa: S105  # a file name
AUDIT_HEAD = "audit-head"
_CLEAN_INTERVAL_S = 600.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main(home: Home) -> int:
    """Run the service; what its manifest names."""
    return run(AuthService, home)


class AuthService(Service):
    """Who may do what, and what was done."""

    name = "auth"
    # Tests put a cheap hasher and a clock of their own here.
    make_hasher: Callable[[], PasswordHasher] = PasswordHasher
    now_ms: Callable[[], int] = staticmethod(_now_ms)
    _database: Database | None = None

    async def setup(self) -> None:
        database = open_database(self.home, "auth", models=MODELS, migrations=MIGRATIONS, synchronous="FULL")
        self._database = database
        key, hasher = machine_key(self.home), self.make_hasher()
        context = self._context(hasher, database)
        self._auth, setup = context, SetupDesk(context, self.home.keys / SETUP_TOKEN)
        if await asyncio.to_thread(context.accounts.make_first, hasher):
            self.log.info("first run: the admin's password is in keys/initial-password")
            setup.make_token()
        # First of all, so that nothing that is done below is missing in the log.
        AuditDesk(self.bus, database, key, self.home.keys / AUDIT_HEAD, self.now_ms).serve()
        factors = SecondFactors(context, TotpVault(key))
        desks = (
            setup,
            factors,
            LoginDesk(context, factors),
            PasskeyDesk(context),
            ProviderDesk(context, self.settings.auth.providers, self._client_secret),
            UserDesk(context),
            ApiKeyDesk(context),
        )
        for desk in desks:
            desk.serve()
        self.spawn(self._clean(), "clean")
        self.spawn(watch(self, database), "database health")

    async def stop(self) -> None:
        if self._database is not None:
            self._database.close()

    def _client_secret(self, provider: str) -> str:
        """Public clients have none; then PKCE alone binds the code to us."""
        try:
            return str(self.secret(SECRET.format(name=provider)).reveal())
        except SettingsError:
            return ""

    def _context(self, hasher: PasswordHasher, database: Database) -> AuthContext:
        settings = self.settings
        sessions = SessionStore(
            Limits(
                settings.dashboard.session_idle_s,
                settings.auth.session_absolute_s,
                settings.auth.step_up_s,
            ),
            self.now_ms,
            machine_key(self.home),
        )
        roles = RoleStore()
        keys = self.home.keys
        accounts = Accounts(sessions, roles, self.now_ms, (keys / INITIAL_PASSWORD, keys / SETUP_TOKEN))
        hashing, begin = Hashing(hasher), database.transaction
        return AuthContext(self.bus, accounts, sessions, roles, hashing, self.now_ms, begin)

    async def _clean(self) -> None:
        reminder = SecretReminder(self.bus, Vault(self.home), lambda: self.settings.secrets)
        while True:
            reminder.look()
            self._auth.sessions.clean()
            self._auth.throttle.clean()
            await asyncio.sleep(_CLEAN_INTERVAL_S)
