"""Tables of the notify service: what is to be delivered, faults that were told, chats that are linked."""

from ..database.fields import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    IntegerField,
    Model,
    TextField,
)
from ..database.migrations import Migration, create_tables


class DeliveryRow(Model):
    """One notice for one channel, from the event to its delivery. `origin` names the event: it counts once.

    `state` is waiting, sending, sent, failed or dropped. Rows of one `batch` went as one message.
    """

    id = BigAutoField()
    origin = CharField(max_length=160)
    channel = CharField(max_length=40)
    target = CharField(max_length=40)
    rule = CharField(max_length=40)
    topic = CharField(max_length=160)
    key = CharField(max_length=160)
    severity = CharField(max_length=16)
    title = CharField(max_length=255)
    text = TextField()
    files = TextField()
    urgent = BooleanField()
    digest = BooleanField()
    state = CharField(max_length=12)
    attempts = IntegerField()
    error = TextField()
    created_ms = BigIntegerField()
    due_ms = BigIntegerField(index=True)
    sent_ms = BigIntegerField()
    batch = CharField(max_length=40)

    class Meta:
        table_name = "notify_deliveries"
        indexes = ((("origin", "channel", "target"), True), (("state", "due_ms"), False))


class FaultRow(Model):
    """A fault that people were told of and that is not over."""

    key = CharField(primary_key=True, max_length=160)
    severity = CharField(max_length=16)
    told_ms = BigIntegerField()

    class Meta:
        table_name = "notify_faults"


class LinkRow(Model):
    """A Telegram chat that speaks for a user."""

    chat_id = BigIntegerField(primary_key=True)
    user = CharField(max_length=80)
    title = CharField(max_length=120)
    linked_ms = BigIntegerField()
    last_ms = BigIntegerField()

    class Meta:
        table_name = "notify_links"


class NoteRow(Model):
    """One remembered number: `update`, the last Telegram update that was taken; `muted_until_ms`."""

    name = CharField(primary_key=True, max_length=40)
    value = BigIntegerField()

    class Meta:
        table_name = "notify_notes"


MODELS = (DeliveryRow, FaultRow, LinkRow, NoteRow)
MIGRATIONS = (Migration(1, "deliveries, faults, links", (create_tables(*MODELS),)),)
