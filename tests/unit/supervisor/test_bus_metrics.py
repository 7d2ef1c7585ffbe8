"""The bus's counters on the metrics endpoint."""

from typing import Any

from cryptobot.bus.contracts.bus import BusReport
from cryptobot.supervisor.bridge.bus_metrics import bus_metrics, scraped

REPORT = BusReport(
    uptime_s=5.0,
    messages=12_345_678,
    bytes=99,
    journal_bytes=7,
    journal_lost=2,
    journal_paused=True,
    topics={'odd"topic\\': 4},
    clients={"dashboard": {"lost": 3, "dropped": 1}},
    refused={"data": 6},
)


class Platform:
    """What the endpoint knows."""

    bus_report: BusReport | None = None

    def status(self) -> dict[str, Any]:
        """Nothing but the supervisor."""
        return {"supervisor": {"uptime_s": 1.0, "cpu_s": 0.5, "alerts": 0, "version": "1"}, "services": []}


def test_losses_drops_and_refusals_are_there_by_client() -> None:
    """Each kind is a label; numbers are whole and exact."""
    lines = bus_metrics(REPORT).splitlines()
    assert 'cryptobot_bus_client_messages_total{client="dashboard",kind="lost"} 3' in lines
    assert 'cryptobot_bus_client_messages_total{client="dashboard",kind="dropped"} 1' in lines
    assert 'cryptobot_bus_refused_total{client="data"} 6' in lines
    assert "cryptobot_bus_messages_total 12345678" in lines
    assert "cryptobot_bus_journal_paused 1" in lines


def test_what_peers_choose_cannot_break_the_format() -> None:
    """Quotes and backslashes of a topic are escaped."""
    assert r'{topic="odd\"topic\\"} 4' in bus_metrics(REPORT)


def test_without_a_broker_the_rest_is_there() -> None:
    """Until the broker has reported nothing is said of the bus."""
    platform: Any = Platform()
    assert "cryptobot_bus" not in scraped(platform)
    platform.bus_report = REPORT
    assert "cryptobot_supervisor_uptime_seconds 1.0" in scraped(platform)
    assert "cryptobot_bus_uptime_seconds 5" in scraped(platform)
