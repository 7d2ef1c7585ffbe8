"""The book of alerts: deduplication, recovery, acknowledgement."""

from typing import Any

from cryptobot.bus.contracts.service import Alert
from cryptobot.services.monitor.alerts import AlertBook, Entry


def _alert(key: str = "service.trade", **fields: Any) -> Alert:
    given = {"severity": "warning", "source": "supervisor", "title": "t", "detail": "d", **fields}
    return Alert(key=key, **given)


def test_the_same_fault_told_again_is_one_alert_with_a_count() -> None:
    """The gravest severity and the last words stay."""
    book = AlertBook()
    book.take(_alert(severity="critical"), 1000)
    again = book.take(_alert(detail="later"), 2000)
    assert again is not None
    assert (again.count, again.severity, again.detail) == (2, "critical", "later")
    assert (again.raised_ms, again.last_ms) == (1000, 2000)
    assert len(book.open) == 1


def test_an_event_that_is_delivered_again_is_not_counted_again() -> None:
    """After kill -9 the last event may come twice."""
    book = AlertBook()
    book.take(_alert(), 1000, "supervisor:1:alert.warning:7")
    assert book.take(_alert(), 1000, "supervisor:1:alert.warning:7") is None
    assert book.open[0].count == 1


def test_a_recovery_ends_it_and_the_next_fault_is_a_new_alert() -> None:
    """Under a greater id."""
    book = AlertBook()
    first = book.take(_alert(), 1000)
    ended = book.take(_alert(recovered=True, detail="well again"), 2000)
    assert ended is first is not None
    assert (ended.recovered_ms, ended.detail, book.open) == (2000, "well again", [])
    second = book.take(_alert(), 1500)
    assert second is not None
    assert second.id > first.id


def test_a_recovery_without_a_fault_changes_nothing() -> None:
    """Nothing to write."""
    book = AlertBook()
    assert book.take(_alert(recovered=True), 1000) is None
    assert book.changed() == []


def test_acknowledging_all_takes_the_open_ones() -> None:
    """Ended alerts are acknowledged by their id only."""
    book = AlertBook()
    ended = book.take(_alert("a"), 1)
    book.take(_alert("a", recovered=True), 2)
    book.take(_alert("b"), 3)
    assert ended is not None
    assert [entry.key for entry in book.acknowledge(0, "ada", "", 4)] == ["b"]
    assert book.acknowledge(ended.id, "ada", "known", 5)[0].note == "known"
    assert book.acknowledge(99, "ada", "", 6) == []


def test_what_is_loaded_goes_on_and_what_is_known_is_newer() -> None:
    """Ids stay ahead of those in the database."""
    book = AlertBook()
    book.take(_alert("a"), 1000)
    old = [Entry(5000, key, "error", "s", "t", "d", 1, 1) for key in ("a", "b")]
    book.load(old)
    assert {entry.key: entry.id for entry in book.open} == {"a": 1000, "b": 5000}
    new = book.take(_alert("c"), 2000)
    assert new is not None
    assert new.id == 5001
