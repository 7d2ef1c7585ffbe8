"""The monitor's tables on every engine: batches, roll-up, ageing, alerts, states."""

from typing import Any

from cryptobot.configs.sections.monitor import MonitorSettings
from cryptobot.services.monitor import storage
from cryptobot.services.monitor.alerts import Entry
from cryptobot.services.monitor.history import History
from cryptobot.services.monitor.models import MIGRATIONS, MODELS
from cryptobot.services.monitor.samples import Sample

START_S = 1_790_000_000 - 1_790_000_000 % 3600


def test_history_alerts_and_states_are_the_same_on_every_engine(place: Any) -> None:
    """Written twice they are there once; minutes and hours are made of seconds; old ones go."""
    database = place.open(MODELS, MIGRATIONS)
    try:
        history = History(database, MonitorSettings())
        samples = [
            Sample(
                "trade", START_S + second, samples=1, cpu_percent=float(second % 60), rss_bytes=2**40 + second
            )
            for second in range(0, 3600, 15)
        ]
        history.write(samples)
        history.write(samples)
        for _ in range(2):
            history.roll_up(START_S + 3600)
        minutes = history.read("trade", 60, START_S, START_S + 3599, 5000)
        assert [one.cpu_percent for one in minutes] == [22.5] * 60
        assert {one.samples for one in minutes} == {4}
        (hour,) = history.read("", 3600, START_S, START_S + 3599, 5000)
        assert (hour.samples, hour.rss_bytes) == (240, 2**40 + 1792)
        history.forget(START_S + 3 * 3600)
        assert history.read("trade", 1, START_S, START_S + 3600, 5000) == []
        assert len(history.read("trade", 60, START_S, START_S + 3600, 5000)) == 60
        _check_alerts(history)
        row = {"service": "trade", "since_ms": 5, "state": "RUNNING", "ready": True, "pid": 1, "restarts": 0,
               "reason": ""}  # fmt: skip
        for _ in range(2):
            storage.write_state(row)(history)
        assert [one.state for one in storage.list_states("trade", 0, 10)(history)] == ["RUNNING"]
        storage.forget(10**15, 1.0)(history)
        assert storage.list_states("", 0, 10)(history) == []
    finally:
        database.close()


def _check_alerts(history: History) -> None:
    first = Entry(10**12, "service.trade", "error", "supervisor", "t", "d \N{EURO SIGN}", 1, 2)
    second = Entry(10**12 + 1, "rule.busy.data", "warning", "monitor", "t", "d", 3, 4)
    storage.write_alerts([first, second])(history)
    first.count = 7
    storage.write_alerts([first])(history)

    def listed(**filters: Any) -> list[str]:
        given = {
            "open_only": False,
            "severity": "",
            "key": "",
            "since_ms": 0,
            "before": 0,
            "limit": 10,
            **filters,
        }
        return [entry.key for entry in storage.list_alerts(**given)(history)]

    assert listed() == ["rule.busy.data", "service.trade"]
    assert (
        listed(severity="error") == listed(key="service.") == listed(before=10**12 + 1) == ["service.trade"]
    )
    assert storage.find_alert(10**12)(history) == [first]
    second.recovered_ms = 9
    storage.write_alerts([second])(history)
    assert storage.open_alerts(history) == [first]
    assert listed(open_only=True) == ["service.trade"]
