"""A subscription that is lost while its socket speaks on."""

from cryptobot.services.connectors import ccxt_venue
from cryptobot.services.connectors.ccxt_venue import CcxtVenue


def test_second_silence_in_a_row_drops_the_socket(monkeypatch):
    """Two streams that fall silent together are one silence; the next one, a while later, is the second."""
    venue, now = object.__new__(CcxtVenue), [1000.0]
    venue._silence_s, venue._silent_s = 10.0, float("-inf")
    monkeypatch.setattr(ccxt_venue.time, "monotonic", lambda: now[0])
    assert not venue._is_silent_again()
    now[0] += 0.1
    assert not venue._is_silent_again()
    now[0] += 10.5
    assert venue._is_silent_again()
    now[0] += 60.0
    assert not venue._is_silent_again()
