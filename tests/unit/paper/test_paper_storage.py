"""The file of the exchange."""

import sqlite3
import time
from pathlib import Path

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.services.paper import storage as db
from cryptobot.services.paper.orders import ALL_DONE, Order, OrderList, Trade
from cryptobot.services.paper.storage import Storage


def order(number: int, status: str = "FILLED") -> Order:
    return Order(
        number, "ann", "BTCUSDT", f"c{number}", "BUY", "LIMIT", "GTC", 10**8, 0, 10**11, 0, number, number,
        status=status, executed=10**8 if status == "FILLED" else 0,
    )  # fmt: skip


def trade(number: int) -> Trade:
    price, amount, fee = 10**11, 10**8, 10**5
    return Trade(number, number, -1, "ann", "BTCUSDT", "BUY", price, amount, price, fee, "BTC", False, number)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Five orders, the last one open, four trades."""
    made = Storage(tmp_path)
    orders = [order(n, "FILLED" if n < 5 else "NEW") for n in range(1, 6)]
    made.write([(db.PUT_ORDER, [db.order_row(x) for x in orders])])
    made.write([(db.PUT_TRADE, [db.trade_row(trade(n)) for n in range(1, 5)])])
    return made


def test_orders_come_back_as_they_were(storage: Storage) -> None:
    """By number, by name, open ones, and none of another account."""
    assert storage.order("ann", "BTCUSDT", 3, "") == order(3)
    assert storage.order("ann", "BTCUSDT", 0, "c4") == order(4)
    assert storage.order("bob", "BTCUSDT", 3, "") is None
    assert storage.open_orders() == [order(5, "NEW")]
    assert storage.highest() == (5, 4, 0)


def test_the_newest_or_from_a_number_on(storage: Storage) -> None:
    """Always oldest first."""

    def numbers(**given: int | None) -> list[int]:
        asked = {"from_id": None, "since_ms": 0, "until_ms": 0, "limit": 2} | given
        return [x.order_id for x in storage.orders("ann", "BTCUSDT", **asked)]

    assert numbers() == [4, 5]
    assert numbers(from_id=2) == [2, 3]
    assert numbers(from_id=0) == [1, 2]
    assert numbers(since_ms=3, limit=9) == [3, 4, 5]
    assert numbers(until_ms=3) == [2, 3]


def test_trades_of_one_order(storage: Storage) -> None:
    """And those of a time."""
    common = {"from_id": None, "since_ms": 0, "until_ms": 0, "limit": 10}

    assert storage.trades("ann", "BTCUSDT", order_id=3, **common) == [trade(3)]
    assert len(storage.trades("ann", "BTCUSDT", order_id=0, **common | {"since_ms": 2, "until_ms": 3})) == 2


def test_a_commit_is_whole_or_not_at_all(storage: Storage) -> None:
    """A statement that fails takes those before it with it."""
    with pytest.raises(sqlite3.Error):
        storage.write([(db.PUT_FACT, [("a", "1")]), (db.PUT_FACT, [("b",)])])

    assert storage.facts() == {}


def test_a_file_of_version_one_is_taken_over(tmp_path: Path) -> None:
    """Its order lists count as open until they are seen to be done."""
    connection = sqlite3.connect(tmp_path / db.FILE)
    connection.execute("CREATE TABLE lists (list_id INTEGER PRIMARY KEY, account TEXT, body BLOB)")
    listed = OrderList(1, "ann", "BTCUSDT", "OCO", "both", [1, 2], ["a", "b"], 5)
    connection.execute("INSERT INTO lists VALUES (?, ?, ?)", db.list_row(listed)[:3])
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()

    storage = Storage(tmp_path)
    assert storage.open_lists() == [listed]
    listed.status = ALL_DONE
    storage.write([(db.PUT_LIST, [db.list_row(listed)])])

    assert storage.open_lists() == []
    assert storage.order_lists("ann", 5) == [listed]


def test_a_hundred_thousand_past_orders_do_not_slow_the_start(tmp_path: Path) -> None:
    """What is open is found by an index; the past is not read."""
    storage = Storage(tmp_path)
    storage.write([(db.PUT_ORDER, [db.order_row(order(n)) for n in range(1, 100_001)])])
    storage.write([(db.PUT_ORDER, [db.order_row(order(100_001, "NEW"))])])
    storage.close()

    begun = time.perf_counter()
    again = Storage(tmp_path)
    found = (again.open_orders(), again.highest(), again.open_lists())

    assert time.perf_counter() - begun < 1.0
    assert [x.order_id for x in found[0]] == [100_001]
    assert found[1][0] == 100_001


def test_a_full_disk_is_not_taken_for_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told to move a good account away because there is no room."""

    def full(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr(db, "_connect", full)

    with pytest.raises(StartError, match="Make room on its disk") as told:
        Storage(tmp_path)
    assert "Move it away" not in str(told.value)
