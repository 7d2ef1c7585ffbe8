"""Restarts at a time of day: summer time, jumps of the clock, missed runs."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.supervisor.catalogue.schedule import Clockwork, Schedule


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("03:30 UTC", "2026-11-22T01:00", "2026-11-22T03:30"),
        ("03:30 UTC", "2026-11-22T03:30", "2026-11-23T03:30"),
        ("03:30 Europe/Berlin", "2026-07-01T00:00", "2026-07-01T01:30"),
        ("03:30 Europe/Berlin", "2026-12-01T00:00", "2026-12-01T02:30"),
        ("sun 03:30 UTC", "2026-11-23T00:00", "2026-11-29T03:30"),
        # 29 March 2026, 02:30 does not exist in Berlin: 03:30 by the clock there.
        ("02:30 Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:30"),
        # 25 October 2026, 02:30 comes twice in Berlin: the first of the two.
        ("02:30 Europe/Berlin", "2026-10-24T22:30", "2026-10-25T00:30"),
        ("02:30 Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_the_next_due_moment(schedule: str, now: str, due: str) -> None:
    """Zones, weekdays, the skipped and the doubled hour."""
    assert Schedule(schedule).after(_utc(now)) == _utc(due)


@pytest.mark.parametrize("text", ["", "25:00", "noon", "03:30 Mars/Base", "03:30 UTC extra", "sun"])
def test_nonsense_is_refused_with_an_example(text: str) -> None:
    """The sentence shows how to write it."""
    with pytest.raises(SettingsError, match="restart_at"):
        Schedule(text)


def _clockwork(start: str) -> Clockwork:
    clockwork = Clockwork()
    assert clockwork.due({"a": "03:30 UTC"}, _utc(start)) == []
    return clockwork


def test_it_is_due_once_a_day() -> None:
    """Looked at every five seconds for three days: three times."""
    clockwork = _clockwork("2026-11-22T00:00")
    now, count = _utc("2026-11-22T00:00"), 0
    for _ in range(3 * 24 * 720):
        now += timedelta(seconds=5)
        count += len(clockwork.due({"a": "03:30 UTC"}, now))
    assert count == 3


def test_a_missed_run_happens_once() -> None:
    """The machine slept over four nights."""
    clockwork = _clockwork("2026-11-22T00:00")
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-26T12:00")) == ["a"]
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-26T12:01")) == []


def test_a_clock_set_back_a_day_repeats_nothing_at_once() -> None:
    """S16: after the jump the next run is the next 03:30 that was planned."""
    clockwork = _clockwork("2026-11-22T00:00")
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-22T03:30")) == ["a"]
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-21T03:31")) == []
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-23T03:31")) == ["a"]


def test_a_changed_schedule_counts_anew() -> None:
    """A reload with another time does not fire for the old one."""
    clockwork = _clockwork("2026-11-22T03:29")
    assert clockwork.due({"a": "05:00 UTC"}, _utc("2026-11-22T03:31")) == []


def test_missed_runs_may_be_left_out() -> None:
    """S42: by choice; the next one on time happens, and up to a minute late is on time."""
    clockwork, skip = _clockwork("2026-11-22T00:00"), frozenset({"a"})
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-26T12:00"), skip) == []
    assert clockwork.due({"a": "03:30 UTC"}, _utc("2026-11-27T03:30:40"), skip) == ["a"]
