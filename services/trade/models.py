"""The tables of trade's database. Money is exact text; times are UTC milliseconds."""

from ..database.fields import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    DecimalField,
    IntegerField,
    Model,
    TextField,
)
from ..database.migrations import Migration, add_column, add_index, create_tables


class OrderRow(Model):
    """The order journal: a row is written before the order is sent."""

    id = CharField(primary_key=True, max_length=80)
    client_order_id = CharField(max_length=80, index=True)
    exchange_order_id = CharField(max_length=80, index=True)
    intent_id = CharField(max_length=200, null=True, unique=True)
    source = CharField(max_length=120)
    exchange = CharField(max_length=40)
    symbol = CharField(max_length=60)
    side = CharField(max_length=8)
    type = CharField(max_length=24)
    state = CharField(max_length=20, index=True)
    amount = DecimalField()
    price = DecimalField(null=True)
    stop_price = DecimalField(null=True)
    time_in_force = CharField(max_length=8)
    post_only = BooleanField()
    reduce_only = BooleanField()
    external = BooleanField()
    filled = DecimalField()
    cost = DecimalField()
    told_status = CharField(max_length=16)
    told_filled = DecimalField()
    told_ms = BigIntegerField()
    reason = TextField()
    candle_open_ms = BigIntegerField()
    reference_price = DecimalField(null=True)
    created_ms = BigIntegerField(index=True)
    sent_ms = BigIntegerField()
    updated_ms = BigIntegerField()
    misses = IntegerField()
    incomplete = BooleanField()
    list_id = CharField(max_length=80, default="")
    replaces = CharField(max_length=80, default="")

    class Meta:
        table_name = "orders"


class FillRow(Model):
    """Every execution, once: the key is (exchange, symbol, the venue's trade id)."""

    key = CharField(primary_key=True, max_length=160)
    id = CharField(max_length=80)
    order_id = CharField(max_length=80, index=True)
    client_order_id = CharField(max_length=80)
    source = CharField(max_length=120)
    exchange = CharField(max_length=40)
    symbol = CharField(max_length=60)
    side = CharField(max_length=8)
    price = DecimalField()
    amount = DecimalField()
    cost = DecimalField()
    fee = DecimalField()
    fee_currency = CharField(max_length=20)
    maker = BooleanField()
    ts_ms = BigIntegerField(index=True)

    class Meta:
        table_name = "fills"


class EntryRow(Model):
    """An entry of the ledger; its key makes it happen once."""

    key = CharField(primary_key=True, max_length=200)
    ts_ms = BigIntegerField()

    class Meta:
        table_name = "ledger_entries"


class PostingRow(Model):
    """One line of an entry."""

    number = BigAutoField()
    entry = CharField(max_length=200, index=True)
    account = CharField(max_length=100)
    asset = CharField(max_length=40)
    amount = DecimalField()

    class Meta:
        table_name = "ledger_postings"


class AccountRow(Model):
    """Running balance of one ledger account in one asset: always the sum of its postings."""

    key = CharField(primary_key=True, max_length=160)
    account = CharField(max_length=100)
    asset = CharField(max_length=40)
    amount = DecimalField()

    class Meta:
        table_name = "ledger_accounts"


class PositionRow(Model):
    """A position; `lots` is a JSON list of [amount, cost], oldest first."""

    key = CharField(primary_key=True, max_length=120)
    exchange = CharField(max_length=40)
    symbol = CharField(max_length=60)
    amount = DecimalField()
    cost = DecimalField()
    realised = DecimalField()
    realised_fifo = DecimalField()
    fees = DecimalField()
    updated_ms = BigIntegerField()
    lots = TextField()

    class Meta:
        table_name = "positions"


class ProtectionRow(Model):
    """How a position is guarded."""

    symbol = CharField(primary_key=True, max_length=60)
    exchange = CharField(max_length=40)
    stop_price = DecimalField(null=True)
    trailing_percent = DecimalField(null=True)
    take_profit = DecimalField(null=True)
    take_profit_amount = DecimalField(null=True)
    state = CharField(max_length=12)
    leg = CharField(max_length=80)
    previous_leg = CharField(max_length=80)
    generation = IntegerField()
    created_ms = BigIntegerField()
    actor = CharField(max_length=120)
    entry = CharField(max_length=80, default="")
    target_leg = CharField(max_length=80, default="")

    class Meta:
        table_name = "protections"


class TradingStateRow(Model):
    """Every change of the trading state; the last one is in force."""

    number = BigAutoField()
    state = CharField(max_length=12)
    reason = TextField()
    actor = CharField(max_length=120)
    since_ms = BigIntegerField()

    class Meta:
        table_name = "trading_states"


class FactRow(Model):
    """Single facts that must survive: how far the venue's trades were read, the first equity."""

    name = CharField(primary_key=True, max_length=120)
    value = TextField()

    class Meta:
        table_name = "facts"


class EquityRow(Model):
    """The equity curve."""

    ts_ms = BigIntegerField(primary_key=True)
    exchange = CharField(max_length=40)
    currency = CharField(max_length=20)
    equity = DecimalField()
    start_equity = DecimalField()
    realised = DecimalField()
    unrealised = DecimalField()

    class Meta:
        table_name = "equity"


class OutboxRow(Model):
    """Events that were decided in a transaction and may not have been published yet."""

    number = BigAutoField()
    topic = CharField(max_length=160)
    schema_id = IntegerField()
    correlation_id = CharField(max_length=32)
    body = TextField()

    class Meta:
        table_name = "outbox"


class ActionRow(Model):
    """Who or what caused which trading action; each seal covers the row and the seal before."""

    number = BigIntegerField(primary_key=True)
    ts_ms = BigIntegerField()
    actor = CharField(max_length=120)
    action = CharField(max_length=80)
    subject = CharField(max_length=255, index=True)
    detail = TextField()
    ok = BooleanField()
    seal = CharField(max_length=64)

    class Meta:
        table_name = "actions"


class DecisionRow(Model):
    """What the limits saw when they let an order pass or denied it, as JSON."""

    order_id = CharField(primary_key=True, max_length=80)
    body = TextField()

    class Meta:
        table_name = "decisions"


MODELS = (
    OrderRow,
    FillRow,
    EntryRow,
    PostingRow,
    AccountRow,
    PositionRow,
    TradingStateRow,
    FactRow,
    EquityRow,
    OutboxRow,
    ProtectionRow,
    ActionRow,
    DecisionRow,
)
MIGRATIONS = (
    Migration(1, "orders, fills, ledger, positions", (create_tables(*MODELS),)),
    Migration(2, "orders by symbol and time", (add_index(OrderRow, "symbol", "created_ms"),)),
    Migration(3, "guarded positions", (create_tables(ProtectionRow),)),
    Migration(4, "guards that wait for their entry", (add_column(ProtectionRow.entry),)),
    Migration(
        5,
        "order lists, amended orders, sealed actions, decisions of the limits",
        (
            add_column(OrderRow.list_id),
            add_column(OrderRow.replaces),
            add_column(ProtectionRow.target_leg),
            create_tables(ActionRow, DecisionRow),
            add_index(FillRow, "symbol", "ts_ms"),
        ),
    ),
)
