"""Tables of auth."""

from ..database.fields import BigIntegerField, BooleanField, CharField, IntegerField, Model
from ..database.migrations import Migration, create_tables


class UserRow(Model):
    """A person's account."""

    name = CharField(max_length=32, primary_key=True)
    role = CharField(max_length=32)
    password = CharField(max_length=255)
    enabled = BooleanField(default=True)
    must_change_password = BooleanField(default=False)
    created_ms = BigIntegerField()
    last_login_ms = BigIntegerField(default=0)

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

    class Meta:
        table_name = "sessions"


class FailureRow(Model):
    """Failed logins of one user, one address, or one user from one address."""

    key = CharField(max_length=128, primary_key=True)
    count = IntegerField()
    last_ms = BigIntegerField()

    class Meta:
        table_name = "login_failures"


MODELS = (UserRow, SessionRow, FailureRow)
MIGRATIONS = (Migration(1, "users, sessions, failed logins", (create_tables(*MODELS),)),)
