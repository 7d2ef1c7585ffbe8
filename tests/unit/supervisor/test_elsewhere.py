"""What a supervisor knows of services on other machines, and of which it takes care itself."""

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.configs.machines import places, supervisor_of
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.machines import Machine, MachinesSettings
from cryptobot.supervisor.bridge.elsewhere import SILENT_S, Elsewhere
from cryptobot.supervisor.catalogue.registry import load

HOSTS = {
    "core": Machine(address="a", services=["bus", "auth", "monitor"]),
    "money": Machine(address="b", services=["trade", "strategy"]),
    "rest": Machine(address="c", services=["paper", "data", "dashboard"]),
}


def _at(name: str) -> MachinesSettings:
    return MachinesSettings(here=name, hosts=HOSTS)


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_machine_runs_its_own_services_alone(tmp_path: object) -> None:
    """Services of other machines are no units here, and nobody waits for them."""
    found = {one.name: one for one in load(Home(tmp_path), Settings(machines=_at("money")))}  # type: ignore[arg-type]

    assert set(found) == {"trade", "strategy"}
    assert found["strategy"].requires == ("trade",)
    assert found["trade"].requires == ()


def test_every_machine_computes_the_same_places() -> None:
    """The table follows from the hosts alone, no two places share a port of a machine."""
    tables = [places(_at(name)) for name in HOSTS]

    assert tables[0] == tables[1] == tables[2]
    assert len(set(tables[0].values())) == len(tables[0])
    assert tables[0]["bus-in"].machine == "core"
    assert [supervisor_of(_at("core"), name) for name in HOSTS] == [
        "supervisor",
        "supervisor-3",
        "supervisor-4",
    ]


def test_a_service_that_does_not_exist_is_refused(tmp_path: object) -> None:
    """The section names the nearest service there is."""
    hosts = {**HOSTS, "money": Machine(address="b", services=["trade", "stratgy"])}
    with pytest.raises(SettingsError, match=r"'stratgy', which is no service; did you mean 'strategy'"):
        load(Home(tmp_path), Settings(machines=MachinesSettings(here="money", hosts=hosts)))  # type: ignore[arg-type]


def test_a_machine_out_of_reach_is_told_once_and_taken_back() -> None:
    """The machine with the bus speaks of each other machine, after some seconds of silence."""
    clock = _Clock()
    known = Elsewhere(_at("core"), clock)
    for service in ("trade", "data"):
        known.heard(service, 7)
    assert known.tick() == []

    clock.now += SILENT_S + 1
    known.heard("data", 7)
    [alert] = known.tick()
    assert (alert.key, alert.severity, alert.recovered) == ("machine.core.money", "error", False)
    assert known.tick() == []
    reach = {row["name"]: row["within_reach"] for row in known.rows()}
    assert (reach["trade"], reach["data"]) == (False, True)

    known.heard("strategy", 8)
    [back] = known.tick()
    assert (back.key, back.recovered) == ("machine.core.money", True)


def test_a_machine_that_was_never_heard_has_a_while_to_come_up() -> None:
    """At the start machines come one after the other; after twenty seconds absence is told."""
    clock = _Clock()
    known = Elsewhere(_at("core"), clock)
    clock.now += SILENT_S + 1
    assert known.tick() == []
    clock.now += 20
    assert [alert.key for alert in known.tick()] == ["machine.core.money", "machine.core.rest"]


def test_the_others_speak_of_the_bus_alone() -> None:
    """They hear everyone through the broker, so with it away they know of nobody else."""
    clock = _Clock()
    known = Elsewhere(_at("money"), clock)
    clock.now += 60
    assert [alert.key for alert in known.tick()] == ["machine.money.core"]


def test_a_new_life_of_the_broker_is_noticed() -> None:
    """Its first heartbeat, one after a silence, one of another process: then all states are stated again."""
    clock = _Clock()
    known = Elsewhere(_at("money"), clock)
    assert known.heard("bus", 7)
    clock.now += 1
    assert not known.heard("bus", 7)
    assert known.heard("bus", 8)
    clock.now += SILENT_S
    assert known.heard("bus", 8)
    assert not known.heard("data", 9)


def test_one_machine_knows_of_no_other() -> None:
    """Without the section there is nothing elsewhere."""
    assert not Elsewhere(MachinesSettings(), _Clock())
    assert places(MachinesSettings()) == {}
