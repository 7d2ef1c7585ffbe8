"""One suite for SQLite, SQLCipher, PostgreSQL and MariaDB: the same promises on all."""

import asyncio
import threading
from decimal import Decimal

import pytest
from cryptobot.services.database.errors import DatabaseNewerError
from cryptobot.services.database.fields import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DecimalField,
    IntegerField,
    IntegrityError,
    Model,
    TextField,
    exact_sum,
)
from cryptobot.services.database.migrations import Migration, add_column, add_index, create_tables
from cryptobot.services.database.store import open_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class FillRow(Model):
    """A fill as trade would keep it."""

    id = CharField(max_length=64, primary_key=True)
    price = DecimalField()
    fee = DecimalField(null=True)
    ts_ms = BigIntegerField(index=True)
    maker = BooleanField(default=False)
    note = TextField(default="")
    raw = BlobField(default=b"")
    kind = CharField(max_length=20, null=True)
    lots = IntegerField(default=0)

    class Meta:
        table_name = "fills"


FIRST = Migration(1, "fills", (create_tables(FillRow),))


@pytest.fixture
def database(place):
    """An open database with one table."""
    opened = place.open([FillRow], [FIRST])
    yield opened
    opened.close()


def fill(number, price="1", **more):
    """One row."""
    return FillRow.create(id=str(number), price=Decimal(price), ts_ms=1_700_000_000_000 + int(number), **more)


@pytest.mark.parametrize(
    "text",
    [
        "0.1",
        "1E-8",
        "0.10",
        "-0",
        "0E-18",
        "123456789012345678901234567890.123456789012345678901234567890",
        "1E+20",
    ],
)
def test_the_decimal_that_went_in_comes_out(database, text):
    """Digits, sign and trailing zeros are kept."""
    fill(1, text)
    found = FillRow.get_by_id("1").price
    assert (found, str(found)) == (Decimal(text), str(Decimal(text)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=18))
def test_any_decimal_is_exact(database, number):
    """No engine rounds, whatever the number."""
    FillRow.delete().execute()
    fill(1, str(number))
    assert FillRow.get_by_id("1").price == number


def test_ten_thousand_tiny_fills_sum_exactly(database):
    """10,000 fills of 1e-8 are 0.0001 and not a digit more, beside a large one as well."""
    rows = [{"id": str(number), "price": Decimal("1E-8"), "ts_ms": number} for number in range(10_000)]
    with database.transaction():
        for start in range(0, len(rows), 500):
            FillRow.insert_many(rows[start : start + 500]).execute()
        fill(10_000, "98765432109876543210.5")
    total = exact_sum(row.price for row in FillRow.select(FillRow.price))
    assert total == Decimal("98765432109876543210.50010000")


@pytest.mark.parametrize("wrong", [0.1, True, Decimal("NaN"), Decimal("Infinity"), Decimal("1E+200"), "abc"])
def test_what_is_no_exact_number_is_refused(database, wrong):
    """Floats, NaN and giants never reach the database."""
    with pytest.raises((TypeError, ValueError, ArithmeticError)):
        FillRow.create(id="1", price=wrong, ts_ms=1)
    assert FillRow.select().count() == 0


def test_texts_bytes_and_large_integers_are_kept(database):
    """Unicode, trailing spaces, binary and 64-bit numbers survive on every engine."""
    fill(1, note="Grüße 🚀 \\ ' \" %s ?  ", raw=bytes(range(256)), maker=True, fee=None)
    found = FillRow.get_by_id("1")
    assert found.note == "Grüße 🚀 \\ ' \" %s ?  "
    assert bytes(found.raw) == bytes(range(256))
    assert found.ts_ms == 1_700_000_000_001
    assert (found.maker, found.fee) == (True, None)


def test_keys_differ_by_case_and_trailing_space(database):
    """ "a", "A" and "a " are three keys on every engine."""
    for key in ("a", "A", "a "):
        FillRow.create(id=key, price=1, ts_ms=1)
    assert FillRow.select().count() == 3


def test_a_transaction_is_all_or_nothing(database):
    """When the block raises, nothing of it stays; an inner block may fail alone."""
    with pytest.raises(RuntimeError), database.transaction():
        fill(1)
        raise RuntimeError
    assert FillRow.select().count() == 0
    with database.transaction():
        fill(1)
        with pytest.raises(RuntimeError), database.transaction():
            fill(2)
            raise RuntimeError
        fill(3)
    assert sorted(row.id for row in FillRow.select()) == ["1", "3"]


def test_a_key_is_unique(database):
    """The same key twice is refused, and the transaction can go on after it."""
    fill(1)
    with database.transaction():
        with pytest.raises(IntegrityError), database.transaction():
            fill(1)
        fill(2)
    assert FillRow.select().count() == 2


def test_long_work_runs_off_the_loop(database):
    """`run` works on a thread of its own, one call after another, and sees what was committed."""

    async def scenario():
        fill(1)
        loop_thread = threading.get_ident()
        threads = await asyncio.gather(*(database.run(threading.get_ident) for _ in range(3)))
        count = await database.run(lambda: FillRow.select().count())
        return loop_thread, set(threads), count

    loop_thread, threads, count = asyncio.run(scenario())
    assert len(threads) == 1
    assert loop_thread not in threads
    assert count == 1


def test_what_was_committed_is_there_after_reopening(place):
    """A database that is closed and opened again holds the same rows, and no migration runs twice."""
    for expected in (0, 1):
        opened = place.open([FillRow], [FIRST])
        assert FillRow.select().count() == expected
        if not expected:
            fill(1, "0.5")
        assert opened.migrate([FIRST]) == []
        opened.close()


def test_migrations_go_forward_and_keep_the_rows(place, database):
    """A new column and a new index are added once; a second start does nothing."""
    fill(1)
    database.query("ALTER TABLE fills DROP COLUMN kind")
    steps = [FIRST, Migration(2, "why", (add_column(FillRow.kind), add_index(FillRow, "kind", "ts_ms")))]
    assert database.migrate(steps) == [2]
    assert database.migrate(steps) == []
    FillRow.update(kind="limit").execute()
    assert FillRow.get_by_id("1").kind == "limit"


def test_a_newer_database_is_refused(place, database):
    """A program that knows fewer migrations than the database does not touch it."""
    database.migrate([FIRST, Migration(2, "future", ())])
    with pytest.raises(DatabaseNewerError, match="has version 2, this program knows versions up to 1"):
        place.open([FillRow], [FIRST])


def test_a_failed_migration_can_be_repeated(database):
    """A migration that fails leaves the version as it was; the next try finishes it."""

    def broken(_engine):
        raise RuntimeError("power cut")

    adding = (add_index(FillRow, "kind"), add_column(FillRow.kind))
    with pytest.raises(RuntimeError, match="power cut"):
        database.migrate([FIRST, Migration(2, "kinds", (*adding, broken))])
    assert database.migrate([FIRST, Migration(2, "kinds", adding)]) == [2]


def test_two_owners_do_not_see_each_other(place, database):
    """Each owner has tables of its own, of the same names."""
    fill(1)
    other = open_database(
        place.home, f"{place.owner}other", models=[FillRow], migrations=[FIRST], settings=place.settings
    )
    try:
        assert FillRow.select().count() == 0
    finally:
        other.close()
        database.bind(FillRow)
    assert FillRow.select().count() == 1
