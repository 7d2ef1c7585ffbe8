"""S22: the machine is short of memory or disk: add-ons go first, trading stays, and it is said."""

from collections.abc import Callable
from typing import Any

from cryptobot.configs.schema import SupervisorSettings
from cryptobot.supervisor import states
from cryptobot.supervisor.catalogue.registry import Manifest
from cryptobot.supervisor.unit import Raised, Unit
from cryptobot.supervisor.watch.protect import Protection, Room


class FakeLifecycle:
    """Only what the protection uses: units, stop, and a listener that remembers."""

    def __init__(self, *manifests: Manifest) -> None:
        self.units = {one.name: Unit(one, SupervisorSettings()) for one in manifests}
        for number, unit in enumerate(self.units.values(), start=1):
            unit.pid, unit.state, unit.rss_bytes = number, states.RUNNING, number * 1000
        self.stopped: list[str] = []
        self.started: list[str] = []
        self.alerts: list[Raised] = []
        self.listener = self

    def stop(self, name: str, *, reason: str) -> None:
        self.stopped.append(name)
        self.units[name].pid = 0
        self.units[name].reason = reason
        assert "protect the machine" in reason

    def start(self, names: list[str]) -> None:
        self.started += names

    def raised(self, alert: Raised) -> None:
        self.alerts.append(alert)


def _protection(lifecycle: Any, room: Callable[[], Room]) -> Protection:
    return Protection(lifecycle, room, lambda: Room(disk=100, memory=100))


def _platform() -> FakeLifecycle:
    return FakeLifecycle(
        Manifest(name="bus", target="x:y"),
        Manifest(name="trade", target="x:y"),
        Manifest(name="small", command=("x",), optional=True),
        Manifest(name="large", command=("x",), optional=True),
    )


def test_enough_room_means_nothing() -> None:
    """No alert, no stop."""
    lifecycle = _platform()
    _protection(lifecycle, lambda: Room(100, 100)).tick()
    assert (lifecycle.stopped, lifecycle.alerts) == ([], [])


def test_add_ons_are_stopped_one_by_one_the_largest_first_and_trading_never() -> None:
    """With time between, for the first stop may be enough."""
    lifecycle = _platform()
    protection = _protection(lifecycle, lambda: Room(1000, 1))
    for _ in range(10):
        protection.tick()
    assert lifecycle.stopped == ["large", "small"]
    assert "large was stopped to keep trading alive" in lifecycle.alerts[0].detail
    assert "no add-on is left" in lifecycle.alerts[-1].detail


def test_it_ends_with_a_recovery() -> None:
    """The alert of the same key is taken back."""
    lifecycle = _platform()
    room = Room(1, 1000)
    protection = _protection(lifecycle, lambda: room)
    protection.tick()
    room = Room(1000, 1000)
    protection.tick()
    protection.tick()
    assert [alert.recovered for alert in lifecycle.alerts] == [False, True]
    assert {alert.key for alert in lifecycle.alerts} == {"machine.room"}
    assert "disk" in lifecycle.alerts[0].title


def test_a_system_that_does_not_tell_is_not_in_danger() -> None:
    """Unknown is not low."""
    lifecycle = _platform()
    _protection(lifecycle, lambda: Room(None, None)).tick()
    assert lifecycle.alerts == []


def test_what_was_stopped_is_started_again_when_there_is_ample_room_for_a_while() -> None:
    """The last one first, one at a look; not what somebody else has stopped meanwhile."""
    lifecycle = _platform()
    room = Room(1000, 1)
    protection = _protection(lifecycle, lambda: room)
    for _ in range(4):
        protection.tick()
    assert lifecycle.stopped == ["large", "small"]
    lifecycle.units["large"].reason = "stopped by the user"
    room = Room(1000, 120)
    for _ in range(20):
        protection.tick()
    assert lifecycle.started == []
    room = Room(1000, 150)
    for _ in range(6):
        protection.tick()
    assert lifecycle.started == []
    for _ in range(5):
        protection.tick()
    assert lifecycle.started == ["small"]
