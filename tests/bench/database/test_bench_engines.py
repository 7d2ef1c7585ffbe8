"""What each engine costs: rows, transactions, reads; SQLCipher beside plain SQLite in the same run."""

import importlib.util
import json
import time
from decimal import Decimal

import pytest
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DatabaseSettings
from cryptobot.services.database.fields import AutoField, CharField, DecimalField, Model
from cryptobot.services.database.migrations import Migration, create_tables
from cryptobot.services.database.store import open_database

pytestmark = pytest.mark.bench
ROWS, COMMITS, READS = 20_000, 300, 3000


class RateRow(Model):
    """A row of the usual width."""

    id = AutoField()
    symbol = CharField(max_length=40, index=True)
    price = DecimalField()
    amount = DecimalField()

    class Meta:
        table_name = "rates"


def rate(count, work):
    """How often a second."""
    began = time.perf_counter()
    work()
    return round(count / (time.perf_counter() - began))


def measure(home, settings):
    """Rates of one engine."""
    began = time.perf_counter()
    database = open_database(
        home,
        "bench",
        models=[RateRow],
        migrations=[Migration(1, "rates", (create_tables(RateRow),))],
        synchronous="FULL",
        settings=settings,
    )
    opened_ms = round((time.perf_counter() - began) * 1000, 1)
    row = {"symbol": "BTC/USDT", "price": Decimal("97123.45"), "amount": Decimal("0.0012")}

    def write():
        with database.transaction():
            for _ in range(ROWS // 200):
                RateRow.insert_many([row] * 200).execute()

    def commit():
        for _ in range(COMMITS):
            with database.transaction():
                RateRow.create(**row)

    def read():
        for number in range(1, READS + 1):
            RateRow.get_by_id(number)

    found = {
        "open_ms": opened_ms,
        "rows_per_s": rate(ROWS, write),
        "commits_per_s": rate(COMMITS, commit),
        "reads_per_s": rate(READS, read),
    }
    database.close()
    return found


def test_what_encryption_costs(tmp_path, capsys):
    """Prints the rates of SQLite and SQLCipher, and their ratio."""
    engines = {"sqlite": False, "sqlcipher": True}
    if importlib.util.find_spec("sqlcipher3") is None:
        pytest.skip("the package sqlcipher3 is not installed")
    results = {}
    for name, encrypted in engines.items():
        home = Home(tmp_path / name)
        home.create()
        results[name] = measure(home, DatabaseSettings(encrypted=encrypted))
    ratios = {key: round(results["sqlcipher"][key] / results["sqlite"][key], 2) for key in results["sqlite"]}
    with capsys.disabled():
        print("\n" + json.dumps(results | {"sqlcipher/sqlite": ratios}, indent=1))
