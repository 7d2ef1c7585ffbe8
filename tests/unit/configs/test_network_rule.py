"""Opening the dashboard to a network is a step of its own."""

import pytest
from cryptobot.configs.rules import own_certificate_is_whole, the_network_is_let_in_on_purpose
from cryptobot.configs.schema import DashboardSettings, Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "bot.example.com"])  # noqa: S104
def test_an_address_of_the_network_alone_is_refused_and_explained(host: str) -> None:
    """The sentence says what it means and what to do first; with the second setting it holds."""
    closed = Settings(dashboard=DashboardSettings(host=host))
    opened = Settings(dashboard=DashboardSettings(host=host, open_to_network=True))

    ((key, sentence),) = the_network_is_let_in_on_purpose(closed)

    assert key == "dashboard.host"
    assert all(word in sentence for word in (host, "second factor", "firewall", "dashboard.open_to_network"))
    assert list(the_network_is_let_in_on_purpose(opened)) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_no_step(host: str) -> None:
    """The default is this machine only."""
    assert list(the_network_is_let_in_on_purpose(Settings(dashboard=DashboardSettings(host=host)))) == []
    assert Settings().dashboard.host == "127.0.0.1"


def test_a_certificate_needs_its_key() -> None:
    """Half of it is named."""
    half = Settings(dashboard=DashboardSettings(certificate="a.pem"))
    whole = Settings(dashboard=DashboardSettings(certificate="a.pem", private_key="a.key"))

    assert [key for key, _ in own_certificate_is_whole(half)] == ["dashboard.private_key"]
    assert list(own_certificate_is_whole(whole)) == []
