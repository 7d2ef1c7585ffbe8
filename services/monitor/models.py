"""Tables of the monitor."""

from ..database.fields import (
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)
from ..database.migrations import Migration, create_tables


class SampleRow(Model):
    """What one service used in the `step_s` seconds from `start_s` on: means, and the highest values."""

    step_s = IntegerField()
    service = CharField(max_length=40)
    start_s = BigIntegerField()
    samples = IntegerField()
    cpu_percent = DoubleField()
    cpu_percent_max = DoubleField()
    rss_bytes = BigIntegerField()
    rss_bytes_max = BigIntegerField()
    pss_bytes = BigIntegerField()
    threads = IntegerField()
    open_files = IntegerField()
    disk_bytes = BigIntegerField()
    loop_lag_ms = DoubleField()
    loop_lag_ms_max = DoubleField()

    class Meta:
        table_name = "samples"
        # Removal by age walks along this key, and so does the roll-up.
        primary_key = CompositeKey("step_s", "start_s", "service")


class AlertRow(Model):
    """One alert from its first word to its recovery. `origin` is the last event that changed it."""

    id = BigIntegerField(primary_key=True)
    key = CharField(max_length=160, index=True)
    severity = CharField(max_length=16)
    source = CharField(max_length=40)
    title = CharField(max_length=255)
    detail = TextField()
    raised_ms = BigIntegerField()
    last_ms = BigIntegerField(index=True)
    count = IntegerField()
    recovered_ms = BigIntegerField(index=True)
    acknowledged_ms = BigIntegerField(default=0)
    acknowledged_by = CharField(max_length=80, default="")
    note = TextField(default="")
    origin = CharField(max_length=160, default="")

    class Meta:
        table_name = "alerts"


class StateRow(Model):
    """A service came into a state. Told again after a gap, it is the same row."""

    service = CharField(max_length=40)
    since_ms = BigIntegerField()
    state = CharField(max_length=16)
    ready = BooleanField()
    pid = IntegerField()
    restarts = IntegerField()
    reason = TextField()

    class Meta:
        table_name = "states"
        primary_key = CompositeKey("since_ms", "service", "state")


MODELS = (SampleRow, AlertRow, StateRow)
MIGRATIONS = (Migration(1, "samples, alerts and states", (create_tables(SampleRow, AlertRow, StateRow),)),)
