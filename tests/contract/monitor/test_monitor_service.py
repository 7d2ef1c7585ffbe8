"""What the monitor keeps and answers, on a memory bus and real SQLite."""

import asyncio
import time
from typing import Any

import pytest
from cryptobot.bus.contracts.monitor import (
    AcknowledgeAlert,
    ListAlerts,
    ListHealthHistory,
    ListStates,
)
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.monitor import AlertRule, MonitorSettings
from cryptobot.services.monitor.models import SampleRow


async def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + 45
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def test_the_present_is_answered_from_memory_and_the_past_from_the_database(start) -> None:
    """Two measurements within a second are their mean and their highest."""

    async def play() -> None:
        async with start() as monitor:
            await monitor.beat("trade", 12.5)
            await monitor.stats("trade", cpu=10.0, rss=1000, pss_bytes=700, disk_bytes=5)
            await monitor.stats("trade", cpu=30.0, rss=3000, pss_bytes=900, disk_bytes=5)
            (found,) = (await monitor.ask(ListHealthHistory(service="trade", step_s=1))).series
            assert (found.cpu_percent, found.cpu_percent_max) == ([20.0], [30.0])
            assert (found.rss_bytes, found.rss_bytes_max) == ([2000], [3000])
            assert (found.pss_bytes, found.disk_bytes, found.samples) == ([800], [5], [2])
            assert found.loop_lag_ms == [12.5]
            await monitor.stats("data")
        async with start() as monitor:
            answer = await monitor.ask(ListHealthHistory(points=5000))
            assert [one.service for one in answer.series] == ["data", "trade"]
            young = await monitor.ask(ListHealthHistory(service="trade"))
            assert (young.step_s, young.series[0].cpu_percent) == (60, [20.0])
            assert (answer.step_s, answer.stored) == (1, True)
            assert answer.series[1].cpu_percent == [20.0]

    asyncio.run(play())


def test_seconds_become_minutes_and_hours_and_are_aged_out(start) -> None:
    """1 s for an hour, 1 min for a week, 1 h for a year; means weighted, highest kept."""

    async def play() -> None:
        async with start() as monitor:
            for second in range(0, 7200, 20):
                monitor.clock.s = monitor.clock.s - monitor.clock.s % 1
                await monitor.stats("trade", cpu=float(second % 60), rss=1000 + second)
                monitor.clock.s += 20
            begin_ms = int((monitor.clock.s - 7200) * 1000)
            await monitor.service._flush(everything=True)
            await monitor.service._tidy(int(monitor.clock.s))

            async def level(step_s: int) -> Any:
                wish = ListHealthHistory(service="trade", since_ms=begin_ms, step_s=step_s, points=5000)
                return (await monitor.ask(wish)).series[0]

            seconds, minutes, hours = [await level(step_s) for step_s in (1, 60, 3600)]
            assert len(seconds.start_ms) == 180
            assert len(minutes.start_ms) == 120
            assert set(minutes.cpu_percent) == {20.0}
            assert set(minutes.cpu_percent_max) == {40.0}
            assert hours.start_ms == [begin_ms, begin_ms + 3_600_000]
            assert hours.samples == [180, 180]
            assert hours.rss_bytes == [1000 + 1790, 1000 + 5390]
            assert hours.rss_bytes_max == [1000 + 3580, 1000 + 7180]
            await monitor.service._tidy(int(monitor.clock.s))  # again: nothing is counted twice
            assert (await level(3600)).samples == [180, 180]

    asyncio.run(play())


def test_the_finest_level_that_covers_the_span_is_chosen(start) -> None:
    """An hour in seconds, a day in minutes, a year in hours; what seconds no longer reach, in minutes."""

    async def play() -> None:
        async with start() as monitor:
            now_ms = int(monitor.clock.s * 1000)

            async def step(since_s: float, until_s: float = 0, points: int = 5000) -> int:
                wish = ListHealthHistory(
                    since_ms=now_ms - int(since_s * 1000),
                    until_ms=now_ms - int(until_s * 1000),
                    points=points,
                )
                return int((await monitor.ask(wish)).step_s)

            assert await step(3600) == 1
            assert await step(3600, points=600) == 60
            assert await step(86_400) == 60
            assert await step(90_000, 89_000) == 60
            assert await step(300 * 86_400) == 3600
            with pytest.raises(RequestFailedError, match="Steps are"):
                await monitor.ask(ListHealthHistory(step_s=7))

    asyncio.run(play())


def test_after_a_kill_alerts_states_and_samples_are_there_once(start) -> None:
    """Alerts and states are written as they come; the samples of the last seconds may be missing."""

    async def play() -> None:
        async with start(killed=True) as monitor:
            await monitor.stats("trade")
            monitor.clock.s += 2
            await monitor.service._flush()
            await monitor.alert("service.trade", "error")
            await monitor.alert("service.trade", "error")
            await monitor.state("trade", "BACKOFF", 100.0)
            await monitor.state("trade", "BACKOFF", 100.0)
            await _until(lambda: _written(monitor), "written")
        async with start() as monitor:
            found = await monitor.ask(ListAlerts(open_only=True))
            assert [(one.key, one.count) for one in found.alerts] == [("service.trade", 2)]
            assert found.open == 1
            states = (await monitor.ask(ListStates(service="trade"))).entries
            assert [(one.state, one.since_ms) for one in states] == [("BACKOFF", 100_000)]
            assert (await monitor.ask(ListHealthHistory())).series[0].samples == [1]
            await monitor.alert("service.trade", "error", recovered=True)
            await _until(lambda: _open(monitor, 0), "recovered")

    async def _written(monitor: Any) -> bool:
        alerts = (await monitor.ask(ListAlerts())).alerts
        return bool(
            alerts
            and alerts[0].count == 2
            and not monitor.service.book.changed()
            and (await monitor.ask(ListStates())).entries
            and not monitor.service.waiting_states()
        )

    async def _open(monitor: Any, count: int) -> bool:
        return bool((await monitor.ask(ListAlerts())).open == count)

    asyncio.run(play())


def test_without_a_database_it_goes_on_from_memory_and_writes_later(start) -> None:
    """A folder in the place of the file: history, alerts and states are answered, and one alert says so."""

    async def play() -> None:
        async with start() as first:
            path = first.home.databases / "monitor.sqlite"
        for file in path.parent.glob("monitor.sqlite*"):
            file.unlink()
        path.mkdir()
        async with start() as monitor:
            await monitor.stats("trade")
            await monitor.state("trade", "RUNNING", 5.0)
            await monitor.alert("x", "error")
            await _until(lambda: _alerts(monitor, {"x", "monitor.database"}), "told")
            answer = await monitor.ask(ListHealthHistory(points=5000))
            assert (answer.stored, answer.series[0].samples) == (False, [1])
            assert len((await monitor.ask(ListStates())).entries) == 1
            path.rmdir()
            monitor.service.storage._retry_at = 0.0
            monitor.clock.s += 2
            await monitor.service._flush()
            await _until(lambda: _alerts(monitor, {"x"}), "back")
            assert (await monitor.ask(ListHealthHistory())).stored
            assert SampleRow.select().count() == 1

    async def _alerts(monitor: Any, keys: set[str]) -> bool:
        found = (await monitor.ask(ListAlerts(open_only=True))).alerts
        return {one.key for one in found} == keys

    asyncio.run(play())


def test_a_database_file_that_is_removed_while_it_runs_is_made_anew(start) -> None:
    """What was in it is lost; what comes now is kept."""

    async def play() -> None:
        async with start() as monitor:
            for file in monitor.home.databases.glob("monitor.sqlite*"):
                file.unlink()
            await monitor.stats("trade")
            monitor.clock.s += 2
            await monitor.service._flush()
            assert (await monitor.ask(ListHealthHistory())).stored
            assert await asyncio.to_thread((monitor.home.databases / "monitor.sqlite").exists)

    asyncio.run(play())


def test_alerts_are_filtered_paged_and_acknowledged(start) -> None:
    """By severity and key, newest first; an acknowledgement has a name and a note."""

    async def play() -> None:
        async with start() as monitor:
            for severity in ("info", "warning", "error", "critical"):
                await monitor.alert(f"service.{severity}", severity)
            await _until(lambda: _count(monitor, 4), "four")
            grave = (await monitor.ask(ListAlerts(severity="error"))).alerts
            assert [one.severity for one in grave] == ["critical", "error"]
            older = (await monitor.ask(ListAlerts(before=grave[1].id))).alerts
            assert [one.severity for one in older] == ["warning", "info"]
            wish = AcknowledgeAlert(id=grave[0].id, actor="ada", note="on it")
            assert (await monitor.ask(wish)).message == "1 acknowledged"
            known = (await monitor.ask(ListAlerts(key="service.critical"))).alerts[0]
            assert (known.acknowledged_by, known.note) == ("ada", "on it")
            with pytest.raises(RequestFailedError, match="There is no alert 5"):
                await monitor.ask(AcknowledgeAlert(id=5, actor="ada"))
            with pytest.raises(RequestFailedError, match="Severities are"):
                await monitor.ask(ListAlerts(severity="bad"))

    async def _count(monitor: Any, count: int) -> bool:
        return len((await monitor.ask(ListAlerts())).alerts) == count

    asyncio.run(play())


def test_a_rule_raises_one_alert_on_the_bus_and_takes_it_back(start) -> None:
    """It comes back over the bus and is kept like every other alert."""
    rule = AlertRule(metric="cpu_percent", above=90.0, for_s=0.0, severity="error")
    settings = Settings(monitor=MonitorSettings(rules={"busy": rule}))

    async def play() -> None:
        async with start(settings) as monitor:
            await monitor.stats("trade", cpu=95.0)
            await _until(lambda: _last(monitor, 0), "raised")
            await monitor.stats("trade", cpu=5.0)
            await _until(lambda: _last(monitor, 1), "recovered")

    async def _last(monitor: Any, recovered: int) -> bool:
        found = (await monitor.ask(ListAlerts(key="rule.busy.trade"))).alerts
        return len(found) == 1 and found[0].count == 1 and bool(found[0].recovered_ms) == bool(recovered)

    asyncio.run(play())


def test_a_service_that_runs_again_ends_the_alert_of_a_supervisor_that_died(start) -> None:
    """The new supervisor does not know what the old one had raised."""

    async def play() -> None:
        async with start() as monitor:
            await monitor.alert("service.trade", "critical")
            await _until(lambda: _open(monitor, 1), "raised")
            await monitor.state("trade", "RUNNING", 4e9)
            await _until(lambda: _open(monitor, 0), "healed")

    async def _open(monitor: Any, count: int) -> bool:
        return bool((await monitor.ask(ListAlerts())).open == count)

    asyncio.run(play())


def test_what_a_dead_supervisor_had_told_is_over_unless_the_new_one_tells_it_again(start) -> None:
    """Its pid in its own statistics tells that it is another one."""

    async def play() -> None:
        async with start() as monitor:
            await monitor.stats("supervisor", pid=1)
            await monitor.alert("machine.room", "critical")
            await monitor.alert("log.data", "error")
            await _until(lambda: _keys(monitor, {"machine.room", "log.data"}), "told")
            monitor.clock.s += 10_000_000_000
            await monitor.stats("supervisor", pid=2)
            entry = next(one for one in monitor.service.book.open if one.key == "log.data")
            entry.last_ms = int(monitor.clock.s * 1000) + 1  # told again by the new one
            assert monitor.service._orphaned_at > 0
            monitor.service._orphaned_at = 0.001
            await monitor.service._end_orphans()
            assert await _keys(monitor, {"log.data"})

    async def _keys(monitor: Any, keys: set[str]) -> bool:
        return {one.key for one in (await monitor.ask(ListAlerts(open_only=True))).alerts} == keys

    asyncio.run(play())
