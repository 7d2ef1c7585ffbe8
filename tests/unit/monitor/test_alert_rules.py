"""Alert rules: thresholds that last, told once, taken back."""

from cryptobot.configs.sections.monitor import AlertRule
from cryptobot.services.monitor.rules import RuleBook

BUSY = AlertRule(metric="cpu_percent", above=90.0, for_s=10.0)


def _judge(book: RuleBook, now: float, cpu: float | None, service: str = "trade") -> list[tuple[str, bool]]:
    values = {} if cpu is None else {service: {"cpu_percent": cpu}}
    return [(alert.key, alert.recovered) for alert in book.judge(now, values)]


def test_a_value_must_be_above_for_so_long() -> None:
    """A short peak is no alert."""
    book = RuleBook({"busy": BUSY})
    assert _judge(book, 0, 99) == []
    assert _judge(book, 9, 99) == []
    assert _judge(book, 9.5, 5) == []
    assert _judge(book, 12, 99) == []
    assert _judge(book, 21.9, 99) == []
    assert _judge(book, 22, 99) == [("rule.busy.trade", False)]


def test_it_is_told_once_and_taken_back_after_as_long_below() -> None:
    """Neither repeated while it lasts nor ended by a short dip."""
    book = RuleBook({"busy": BUSY})
    _judge(book, 0, 99)
    assert _judge(book, 10, 99) == [("rule.busy.trade", False)]
    assert _judge(book, 20, 99) == []
    assert _judge(book, 21, 5) == []
    assert _judge(book, 22, 99) == []
    assert _judge(book, 23, 5) == []
    assert _judge(book, 33, 5) == [("rule.busy.trade", True)]
    assert _judge(book, 60, 5) == []


def test_a_service_that_is_gone_is_not_above_anything() -> None:
    """Its alert is taken back."""
    book = RuleBook({"busy": BUSY})
    _judge(book, 0, 99)
    _judge(book, 10, 99)
    assert _judge(book, 11, None) == []
    assert _judge(book, 21, None) == [("rule.busy.trade", True)]


def test_a_rule_for_one_service_leaves_others_alone() -> None:
    """The name is matched whole."""
    book = RuleBook({"busy": AlertRule(metric="cpu_percent", above=90.0, for_s=0.0, service="data")})
    assert _judge(book, 0, 99, "trade") == []
    assert _judge(book, 1, 99, "data") == [("rule.busy.data", False)]


def test_what_an_earlier_life_told_is_not_told_again_and_is_taken_back() -> None:
    """After kill -9 the open alerts are known from the database."""
    book = RuleBook({"busy": BUSY}, frozenset({"rule.busy.trade"}))
    assert _judge(book, 100, 99) == []
    assert _judge(book, 101, 5) == []
    assert _judge(book, 111, 5) == [("rule.busy.trade", True)]


def test_the_alert_of_a_rule_that_was_removed_is_taken_back() -> None:
    """Nobody would end it otherwise."""
    book = RuleBook({}, frozenset({"rule.busy.trade"}))
    assert _judge(book, 0, 99) == [("rule.busy.trade", True)]
    assert _judge(book, 1, 99) == []


def test_the_sentence_names_value_threshold_and_time() -> None:
    """Bytes are told in MiB."""
    book = RuleBook({"fat": AlertRule(metric="rss_bytes", above=100 * 1_048_576, for_s=0, severity="error")})
    (alert,) = book.judge(5.0, {"data": {"rss_bytes": 150 * 1_048_576}})
    assert alert.severity == "error"
    assert alert.detail == "data: 150 MiB of resident memory, above 100 (rule fat)."
