"""Tables of analytics. Money is exact text; times are UTC milliseconds."""

from ..database.fields import BigIntegerField, CharField, DecimalField, Model, TextField
from ..database.migrations import Migration, create_tables


class AnalyticsPointRow(Model):
    """The account at a moment: equity, what came or went since the point before, the unit, market prices.

    `prices` is JSON: symbol to price as text.
    """

    ts_ms = BigIntegerField(primary_key=True)
    currency = CharField(max_length=20)
    equity = DecimalField()
    flow = DecimalField()
    units = DecimalField()
    price = DecimalField()
    prices = TextField()

    class Meta:
        table_name = "analytics_points"


class TransferRow(Model):
    """What came or went of an asset in all, as trade told it last."""

    asset = CharField(primary_key=True, max_length=40)
    amount = DecimalField()

    class Meta:
        table_name = "analytics_transfers"


class PlannedRow(Model):
    """Until when a planned report has been made."""

    name = CharField(primary_key=True, max_length=40)
    until_ms = BigIntegerField()
    made_ms = BigIntegerField()

    class Meta:
        table_name = "analytics_planned"


MODELS = (AnalyticsPointRow, TransferRow, PlannedRow)
MIGRATIONS = (Migration(1, "points, transfers, planned reports", (create_tables(*MODELS),)),)
