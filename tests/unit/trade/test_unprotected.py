"""How often people are told of a position that nothing protects."""

from cryptobot.services.trade.unprotected import AGAIN_AFTER_S, Unprotected


class Told:
    """Keeps what is told."""

    def __init__(self):
        self.alerts = []

    def alert(self, key, severity, title, detail, *, recovered=False):
        self.alerts.append((severity, detail, recovered))


def test_people_are_told_at_once_then_once_a_minute_and_when_it_is_over():
    """A hundred times within a minute is one alert; a later one says how many tries it were."""
    told, now = Told(), [0.0]
    unprotected = Unprotected(told, lambda: now[0])
    for _ in range(100):
        unprotected.tell("A/B", "1 A/B: refused")
    assert told.alerts == [("critical", "1 A/B: refused.", False)]
    now[0] = AGAIN_AFTER_S
    unprotected.tell("A/B", "1 A/B: refused")
    assert told.alerts[1:] == [
        ("critical", "1 A/B: refused. This is try 101: close it by hand at the venue.", False)
    ]
    unprotected.over("A/B")
    unprotected.over("A/B")
    assert told.alerts[2:] == [("info", "A/B is protected or closed; it took 101 tries.", True)]


def test_each_refusal_makes_the_next_try_wait_longer():
    """From a quarter of a second to five; without trouble there is no wait."""
    unprotected = Unprotected(Told())
    pauses = [unprotected.pause_s("A/B")]
    for _ in range(8):
        unprotected.tell("A/B", "x")
        pauses.append(unprotected.pause_s("A/B"))
    assert pauses == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
