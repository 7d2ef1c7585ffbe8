"""What the keys of `cryptobot top` choose."""

from cryptobot.supervisor.cli.busrates import describe
from cryptobot.supervisor.cli.cockpit import LOG, SERVICES, Cockpit

NAMES = ["bus", "data", "trade"]


def test_arrows_choose_round_the_list() -> None:
    """The first is chosen to begin with; up from it is the last."""
    cockpit = Cockpit()
    assert cockpit.press("down", NAMES) is None
    assert cockpit.chosen == "data"
    for key in ("k", "up"):
        cockpit.press(key, NAMES)
    assert cockpit.chosen == "trade"


def test_a_stop_and_a_restart_ask_first() -> None:
    """Only y carries them out; a start needs no yes."""
    cockpit = Cockpit()
    assert cockpit.press("x", NAMES) is None
    assert cockpit.footer() == "Stop bus? y is yes, any other key no"
    assert cockpit.press("n", NAMES) is None
    assert cockpit.footer() == "bus was left as it is."
    cockpit.press("r", NAMES)
    assert cockpit.press("y", NAMES) == ("restart", "bus")
    assert cockpit.press("s", NAMES) == ("start", "bus")


def test_a_question_ends_with_its_service() -> None:
    """When the chosen service is gone, a yes stops nobody."""
    cockpit = Cockpit()
    cockpit.press("x", NAMES)
    assert cockpit.press("y", ["data"]) is None
    assert cockpit.chosen == "data"
    assert Cockpit().press("x", []) is None


def test_l_changes_the_view() -> None:
    """To the log and back; the last line tells the keys of each."""
    cockpit = Cockpit()
    cockpit.press("l", NAMES)
    assert (cockpit.view, "l services" in cockpit.footer()) == (LOG, True)
    cockpit.press("l", NAMES)
    assert cockpit.view == SERVICES


def test_rates_are_one_line() -> None:
    """Sums, and the busiest topics that move at all."""
    topics = [
        {"topic": "market.candle", "messages_per_s": 4.0, "bytes_per_s": 2048.0},
        {"topic": "order", "messages_per_s": 0.0, "bytes_per_s": 0.0},
    ]
    assert describe(topics) == "Bus: 4.0 messages/s, 2.0 KiB/s; busiest market.candle 4.0"
    assert describe([]) == "Bus: 0.0 messages/s, 0.0 KiB/s"
