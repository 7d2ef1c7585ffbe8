"""Tables of auth."""

from ..database.fields import BigIntegerField, BooleanField, CharField, IntegerField, Model, TextField
from ..database.migrations import Migration, add_column, create_tables


class UserRow(Model):
    """A person's account."""

    name = CharField(max_length=32, primary_key=True)
    role = CharField(max_length=32)
    password = CharField(max_length=255)
    enabled = BooleanField(default=True)
    must_change_password = BooleanField(default=False)
    created_ms = BigIntegerField()
    last_login_ms = BigIntegerField(default=0)
    totp = CharField(max_length=255, null=True)
    totp_pending = CharField(max_length=255, null=True)
    totp_step = BigIntegerField(default=0)
    linked = CharField(max_length=255, default="")

    class Meta:
        table_name = "users"


class SessionRow(Model):
    """A session. Only the SHA-256 of its token is kept: whoever reads this table cannot log in with it."""

    token_hash = CharField(max_length=64, primary_key=True)
    user = CharField(max_length=32, index=True)
    address = CharField(max_length=64)
    user_agent = CharField(max_length=255)
    created_ms = BigIntegerField()
    seen_ms = BigIntegerField()
    stepped_up_ms = BigIntegerField(default=0)

    class Meta:
        table_name = "sessions"


class FailureRow(Model):
    """Failed logins of one user, one address, or one user from one address."""

    key = CharField(max_length=128, primary_key=True)
    count = IntegerField()
    last_ms = BigIntegerField()

    class Meta:
        table_name = "login_failures"


class RecoveryRow(Model):
    """One unused recovery code, by its hash."""

    code_hash = CharField(max_length=64, primary_key=True)
    user = CharField(max_length=32, index=True)

    class Meta:
        table_name = "recovery_codes"


class RoleRow(Model):
    """A role that an admin made; permissions separated by spaces."""

    name = CharField(max_length=32, primary_key=True)
    permissions = TextField()

    class Meta:
        table_name = "roles"


class ApiKeyRow(Model):
    """An API key; only the SHA-256 of its secret is kept. Lists are separated by spaces."""

    id = CharField(max_length=32, primary_key=True)
    secret_hash = CharField(max_length=64)
    user = CharField(max_length=32, index=True)
    name = CharField(max_length=80)
    scopes = TextField()
    addresses = TextField()
    created_ms = BigIntegerField()
    expires_ms = BigIntegerField()
    last_used_ms = BigIntegerField(default=0)
    last_address = CharField(max_length=64, default="")

    class Meta:
        table_name = "api_keys"


class PasskeyRow(Model):
    """A passkey: the public half of a key pair that never leaves its owner's device (WebAuthn level 2)."""

    credential = CharField(max_length=255, primary_key=True)
    user = CharField(max_length=32, index=True)
    public_key = TextField()
    uses = BigIntegerField()
    name = CharField(max_length=80)
    created_ms = BigIntegerField()
    last_used_ms = BigIntegerField(default=0)

    class Meta:
        table_name = "passkeys"


class AuditRow(Model):
    """One entry of the audit log. `origin` is the event's place: an event that comes twice is one entry."""

    number = IntegerField(primary_key=True)
    origin = CharField(max_length=120, unique=True)
    ts_ms = BigIntegerField(index=True)
    source = CharField(max_length=40)
    kind = CharField(max_length=20, index=True)
    actor = CharField(max_length=80, index=True)
    action = CharField(max_length=80)
    subject = CharField(max_length=255)
    detail = TextField()
    ok = BooleanField()
    seal = CharField(max_length=64)

    class Meta:
        table_name = "audit"


MODELS = (UserRow, SessionRow, FailureRow, RecoveryRow, RoleRow, ApiKeyRow, PasskeyRow, AuditRow)
MIGRATIONS = (
    Migration(1, "users, sessions, failed logins", (create_tables(UserRow, SessionRow, FailureRow),)),
    Migration(
        2,
        "second factor, roles, API keys, audit log",
        (
            add_column(UserRow.totp),
            add_column(UserRow.totp_pending),
            add_column(UserRow.totp_step),
            add_column(SessionRow.stepped_up_ms),
            create_tables(RecoveryRow, RoleRow, ApiKeyRow, AuditRow),
        ),
    ),
    Migration(3, "passkeys", (create_tables(PasskeyRow),)),
    Migration(4, "accounts of other providers", (add_column(UserRow.linked),)),
)
