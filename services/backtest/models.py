"""Tables of backtest."""

from ..database.fields import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    DecimalField,
    IntegerField,
    Model,
    TextField,
)
from ..database.migrations import Migration, create_tables


class RunRow(Model):
    """One run, sweep, walk-forward or search.

    `request` and `summary` are JSON; `details` is gzipped JSON (trades, curve). `task` is the same for the
    same work, so that work which was broken off is found again.
    """

    id = CharField(max_length=32, primary_key=True)
    kind = CharField(max_length=20)
    state = CharField(max_length=12)
    reason = TextField(default="")
    strategy = CharField(max_length=120)
    symbol = CharField(max_length=40, default="")
    timeframe = CharField(max_length=8, default="")
    actor = CharField(max_length=64, default="")
    created_ms = BigIntegerField(index=True)
    finished_ms = BigIntegerField(default=0)
    run_hash = CharField(max_length=64, default="")
    task = CharField(max_length=64, default="", index=True)
    request = TextField()
    summary = TextField(default="{}")
    details = BlobField(null=True)

    class Meta:
        table_name = "runs"


class TrialRow(Model):
    """One set of parameters of a sweep."""

    run = CharField(max_length=32)
    number = IntegerField()
    parameters = TextField()
    final_equity = DecimalField()
    metrics = TextField()

    class Meta:
        table_name = "trials"
        primary_key = CompositeKey("run", "number")


class TrustRow(Model):
    """The newest trust score of a strategy on a market."""

    strategy = CharField(max_length=120)
    symbol = CharField(max_length=40)
    timeframe = CharField(max_length=8)
    code_hash = CharField(max_length=64)
    colour = CharField(max_length=8)
    score = IntegerField()
    made_ms = BigIntegerField()
    reasons = TextField()

    class Meta:
        table_name = "trust"
        primary_key = CompositeKey("strategy", "symbol", "timeframe")


MODELS = (RunRow, TrialRow, TrustRow)
MIGRATIONS = (Migration(1, "runs, trials and trust", (create_tables(RunRow, TrialRow, TrustRow),)),)
