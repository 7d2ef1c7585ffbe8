"""Tables of the portfolio. Money is exact text; times are UTC milliseconds."""

from ..database.fields import BigAutoField, BigIntegerField, CharField, DecimalField, Model, TextField
from ..database.migrations import Migration, create_tables


class SeenFillRow(Model):
    """A fill as trade told it (JSON): cost basis needs all of them, oldest first."""

    key = CharField(primary_key=True, max_length=160)
    ts_ms = BigIntegerField(index=True)
    body = TextField()

    class Meta:
        table_name = "portfolio_fills"


class FlowRow(Model):
    """Coins or money that came or went other than by trading; `kind` is opening or transfer.

    `price` is that of one unit when we saw it, in the portfolio's currency.
    """

    number = BigAutoField()
    ts_ms = BigIntegerField()
    kind = CharField(max_length=12)
    asset = CharField(max_length=40)
    amount = DecimalField()
    price = DecimalField(null=True)

    class Meta:
        table_name = "portfolio_flows"


class PointRow(Model):
    """The history of equity, in units."""

    ts_ms = BigIntegerField(primary_key=True)
    currency = CharField(max_length=20)
    equity = DecimalField()
    flow = DecimalField()
    units = DecimalField()
    price = DecimalField()

    class Meta:
        table_name = "portfolio_points"


class RebalanceRow(Model):
    """A plan that was begun: it is begun once. `result` is JSON, empty until it ended."""

    id = CharField(primary_key=True, max_length=40)
    begun_ms = BigIntegerField()
    actor = CharField(max_length=120)
    plan = TextField()
    result = TextField()

    class Meta:
        table_name = "portfolio_rebalances"


class AccountFillRow(Model):
    """A fill of an account beside main, which has a table of its own."""

    key = CharField(primary_key=True, max_length=180)
    account = CharField(max_length=20, index=True)
    ts_ms = BigIntegerField(index=True)
    body = TextField()

    class Meta:
        table_name = "portfolio_account_fills"


class AccountFlowRow(Model):
    """As FlowRow, of an account beside main."""

    number = BigAutoField()
    account = CharField(max_length=20, index=True)
    ts_ms = BigIntegerField()
    kind = CharField(max_length=12)
    asset = CharField(max_length=40)
    amount = DecimalField()
    price = DecimalField(null=True)

    class Meta:
        table_name = "portfolio_account_flows"


class AccountPointRow(Model):
    """As PointRow, of an account beside main, or of all together; `key` is ACCOUNT|ts_ms."""

    key = CharField(primary_key=True, max_length=40)
    account = CharField(max_length=20)
    ts_ms = BigIntegerField(index=True)
    currency = CharField(max_length=20)
    equity = DecimalField()
    flow = DecimalField()
    units = DecimalField()
    price = DecimalField()

    class Meta:
        table_name = "portfolio_account_points"


_FIRST = (SeenFillRow, FlowRow, PointRow, RebalanceRow)
_FURTHER = (AccountFillRow, AccountFlowRow, AccountPointRow)
MODELS = (*_FIRST, *_FURTHER)
MIGRATIONS = (
    Migration(1, "fills, flows, points, rebalances", (create_tables(*_FIRST),)),
    Migration(2, "the same of further accounts", (create_tables(*_FURTHER),)),
)
