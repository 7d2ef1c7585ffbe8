"""Who is told what, when, and in how many messages."""

import sys
from datetime import UTC, datetime

import pytest
from cryptobot.configs import daytimes
from cryptobot.configs.rules import broken
from cryptobot.configs.schema import Settings
from cryptobot.configs.secret import Secret
from cryptobot.configs.sections.notify import NotifyRule, NotifySettings
from cryptobot.services.notify.channels import hidden, open_channel, send
from cryptobot.services.notify.news import News
from cryptobot.services.notify.parcels import Allowance, Waiting, pack
from cryptobot.services.notify.rules import is_told_again, picks, quiet_until_ms

BERLIN = daytimes.zone_of("Europe/Berlin")


def _news(topic: str, severity: str, *, over: bool = False) -> News:
    return News(origin="o", topic=topic, severity=severity, title="t", text="x", ts_ms=1, over=over)


def _waiting(number: int, **more: object) -> Waiting:
    return Waiting(id=number, severity="warning", title=f"n{number}", text="", **more)  # type: ignore[arg-type]


def test_rules_choose_by_topic_severity_and_channel() -> None:
    """A rule fits a topic and what is bad enough, and names its channels or means all."""
    rules = {
        "all": NotifyRule(topics=["alert.*"], severity="error"),
        "mail": NotifyRule(topics=["fill.*"], channels=["mail"]),
        "off": NotifyRule(topics=["*"], enabled=False),
    }
    settings = NotifySettings(rules=rules)
    there = ["mail", "phone"]
    assert [one.channel for one in picks(_news("alert.x", "error"), settings, there, 0)] == there
    assert picks(_news("alert.x", "warning"), settings, there, 0) == []
    assert [one.channel for one in picks(_news("fill.paper.BTC/USDT", "info"), settings, there, 0)] == [
        "mail"
    ]


def test_at_once_wins_over_the_digest() -> None:
    """A channel that two rules choose gets the news once: at once; what is critical waits for no digest."""
    rules = {
        "a-digest": NotifyRule(topics=["alert.*"], digest=True),
        "now": NotifyRule(topics=["alert.*"], channels=["phone"]),
    }
    settings = NotifySettings(rules=rules, timezone="UTC")
    found = {one.channel: one for one in picks(_news("alert.x", "error"), settings, ["mail", "phone"], 0)}
    assert not found["phone"].digest
    assert found["mail"].digest
    assert found["mail"].due_ms == 8 * 3_600_000
    assert not any(one.digest for one in picks(_news("alert.x", "critical"), settings, ["mail"], 0))


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        ("2026-03-01T21:30:00+00:00", "2026-03-02T06:00:00+00:00"),  # 22:30 in Berlin
        ("2026-03-02T05:59:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-02T06:00:00+00:00", None),
        ("2026-03-02T12:00:00+00:00", None),
        # The clock goes from 2:00 to 3:00 in this night: it is an hour shorter.
        ("2026-03-28T21:30:00+00:00", "2026-03-29T05:00:00+00:00"),
    ],
)
def test_quiet_hours_span_midnight_in_their_zone(moment: str, ends: str | None) -> None:
    """22:00 to 07:00 in Berlin, whatever the machine's clock says, also when the clock is changed."""
    found = daytimes.quiet_until(datetime.fromisoformat(moment), "22:00", "07:00", BERLIN)
    assert found == (None if ends is None else datetime.fromisoformat(ends))


def test_no_quiet_hours_without_a_beginning() -> None:
    """By default it is never quiet."""
    assert quiet_until_ms(NotifySettings(), 1_000_000) == 0


def test_the_next_time_of_day_is_later() -> None:
    """At eight o'clock sharp the next eight o'clock is tomorrow's."""
    now = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
    assert daytimes.next_at(now, ["08:00"], UTC) == datetime(2026, 5, 2, 8, 0, tzinfo=UTC)
    assert daytimes.next_at(now, [], UTC) is None


def test_settings_name_times_that_are_none() -> None:
    """A time and a zone that do not exist are found before the night in which they matter."""
    settings = Settings(notify=NotifySettings(quiet_from="25:00", timezone="Mars/Olympus"))
    assert {key for key, _ in broken(settings)} == {"notify.quiet_from", "notify.timezone"}


def test_a_fault_is_told_again_when_worse_or_after_long() -> None:
    """The same fault is told once an hour at most, a worse one at once."""
    told = ("warning", 0)
    assert is_told_again("warning", None, 0, 3600)
    assert not is_told_again("warning", told, 3_599_000, 3600)
    assert is_told_again("warning", told, 3_600_000, 3600)
    assert is_told_again("critical", told, 1, 3600)


def test_few_go_alone_and_many_together() -> None:
    """Up to three notices are messages of their own; more are one, that says how many it hides."""
    assert len(pack([_waiting(n) for n in range(3)], 6)) == 3
    (parcel,) = pack([_waiting(n) for n in range(17)], 6)
    assert parcel.title == "17 notices"
    assert parcel.text.splitlines()[-1] == "and 12 more"
    assert len(parcel.items) == 17


def test_with_nothing_left_only_what_is_urgent_goes() -> None:
    """The limit holds back everything but what is urgent."""
    due = [_waiting(1), _waiting(2, digest=True), _waiting(3, urgent=True)]
    assert [[item.id for item in parcel.items] for parcel in pack(due, 0)] == [[3]]


def test_the_window_slides() -> None:
    """What was sent long enough ago counts no more."""
    allowance = Allowance()
    allowance.sent_ms.extend([0, 500])
    assert allowance.left(900, 2, 1.0) == 0
    assert allowance.next_ms(1.0) == 1000
    assert allowance.left(1000, 2, 1.0) == 1


def test_equal_notices_are_counted() -> None:
    """The same title ten times is one line."""
    due = [Waiting(id=n, severity="info", title="again", text="") for n in range(10)]
    (parcel,) = pack(due, 1)
    assert parcel.text == "- again (10 times)"


def test_secrets_are_blotted_out_and_hosts_stay() -> None:
    """User, password and path of an address vanish from a text; the machine's name helps and stays."""
    secret = Secret("mailto://robert:hunter2pass@mail.example.org:587/topsecretpath?to=x")
    text = hidden("robert hunter2pass failed at mail.example.org:587 on topsecretpath", secret)
    assert text == "*** *** failed at mail.example.org:587 on ***"


def test_without_apprise_a_channel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed nothing crashes: the channel and the log say what is missing."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    secret = Secret("json://127.0.0.1:9/hook")
    words = "Sending needs apprise: pip install cryptobot[notify]"
    assert open_channel("hook", secret).problem == words
    assert send(secret, "t", "x", "info") == words


def test_a_kind_that_this_machine_lacks_something_for_says_so() -> None:
    """A desktop of another system, or without its bus, is told from an address that is wrong."""
    address = "windows://" if sys.platform != "win32" else "macosx://"
    told = open_channel("desk", Secret(address)).problem
    assert "is not to be had on this machine (needed: " in told
    assert open_channel("odd", Secret("nonsense://x")).problem.endswith("no address that apprise understands")
