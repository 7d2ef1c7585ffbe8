"""What happens reaches people: over SMTP, HTTP and Telegram, past failures and deaths."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.notify import (
    DELIVERIES,
    NOTICES,
    ChannelTests,
    DeliveryChanged,
    DeliveryLog,
    GetNotifyStatus,
    ListDeliveries,
    Notice,
    NotifyStatus,
    RetryDeliveries,
    TryChannels,
)
from cryptobot.configs.sections.notify import NotifyRule

Play = Callable[[Any], None]
EVERYTHING = {"all": NotifyRule(topics=["*"])}


def test_an_alert_arrives_by_mail_and_webhook(play: Play) -> None:
    """One alert goes to every channel, in the words of the alert, and is in the log as sent."""

    async def story(street: Any) -> None:
        await street.open("mail", "hook")
        street.town.alert("service.trade", "error", title="trade crashed")
        await street.mailbox.until(lambda: street.mailbox.letters)
        await street.webhook.until(lambda: street.webhook.posted)
        letter = street.mailbox.letters[0]
        assert letter["Subject"] == "[error] trade crashed"
        assert "It stopped." in letter.get_body(("plain",)).get_content()
        assert street.webhook.posted[0]["title"] == "[error] trade crashed"
        await _until_log(street, lambda log: [one.state for one in log] == ["sent", "sent"])

    play(story)


def test_what_no_rule_wants_is_not_sent(play: Play) -> None:
    """An info alert stays out by default; what the rules want arrives behind it."""

    async def story(street: Any) -> None:
        await street.open("hook")
        street.town.alert("service.a", "info")
        street.town.alert("service.b", "warning")
        await street.webhook.until(lambda: street.webhook.posted)
        log = await street.town.ask(ListDeliveries(), DeliveryLog)
        assert [one.topic for one in log.entries] == ["alert.service.b"]

    play(story)


def test_the_same_fault_is_told_once_and_its_end_too(play: Play) -> None:
    """A fault told again is not sent again, unless it got worse; its end is sent once."""

    async def story(street: Any) -> None:
        await street.open("hook", rate_count=100)
        for severity, over in (
            ("warning", False),
            ("warning", False),
            ("critical", False),
            ("critical", True),
            ("critical", True),
        ):
            street.town.alert("disk", severity, title="disk", recovered=over)
        await street.webhook.until(lambda: len(street.webhook.posted) >= 3)
        await _until_log(street, lambda log: all(one.state == "sent" for one in log))
        titles = sorted(one["title"] for one in street.webhook.posted)
        assert titles == ["[critical] Over: disk", "[critical] disk", "[warning] disk"]

    play(story)


def test_a_refused_message_is_tried_again(play: Play) -> None:
    """A mail server that says 451 gets the message again until it takes it: once."""

    async def story(street: Any) -> None:
        await street.open("mail")
        street.mailbox.refuses = True
        street.town.alert("a", "error")
        await street.mailbox.until(lambda: street.mailbox.tries >= 2)
        log = await _until_log(street, lambda log: log[0].attempts >= 2)
        assert log[0].error
        street.mailbox.refuses = False
        await street.mailbox.until(lambda: street.mailbox.letters)
        await _until_log(street, lambda log: log[0].state == "sent")
        assert len(street.mailbox.letters) == 1

    play(story)


def test_what_waits_survives_a_death_and_arrives_once(play: Play) -> None:
    """Killed while a delivery waits for its next try, the next life delivers it, once."""

    async def story(street: Any) -> None:
        await street.open("hook")
        street.webhook.status = 503
        street.town.alert("a", "error")
        await street.webhook.until(lambda: street.webhook.tries >= 1)
        await _until_log(street, lambda log: log[0].error)
        await street.town.kill()
        street.webhook.status = 200
        await street.town.start()
        await street.webhook.until(lambda: street.webhook.posted)
        await _until_log(street, lambda log: log[0].state == "sent")
        assert len(street.webhook.posted) == 1

    play(story)


def test_killed_in_the_middle_of_sending_it_is_sent_again(play: Play) -> None:
    """Nobody knows whether a message arrived whose answer was not heard: it is sent again, at least once."""

    async def story(street: Any) -> None:
        await street.open("hook")
        street.webhook.hold = asyncio.Event()
        street.town.alert("a", "error")
        await street.webhook.until(lambda: street.webhook.tries == 1)
        await street.town.kill()
        street.webhook.hold.set()
        street.webhook.hold = None
        await street.town.start()
        await street.webhook.until(lambda: street.webhook.tries == 2 and street.webhook.posted)
        await _until_log(street, lambda log: log[0].state == "sent" and log[0].attempts == 2)

    play(story)


def test_a_hanging_channel_holds_up_no_other(play: Play) -> None:
    """While the webhook does not answer, mail arrives, and the service answers questions."""

    async def story(street: Any) -> None:
        await street.open("mail", "hook")
        street.webhook.hold = asyncio.Event()
        street.town.alert("a", "error")
        await street.webhook.until(lambda: street.webhook.tries == 1)
        await street.mailbox.until(lambda: street.mailbox.letters)
        status = await street.town.ask(GetNotifyStatus(), NotifyStatus)
        assert {one.name: one.waiting for one in status.channels}["hook"] == 1
        street.webhook.hold.set()
        await street.webhook.until(lambda: street.webhook.posted)

    play(story)


def test_a_flood_becomes_few_messages_and_critical_ones_pass(play: Play) -> None:
    """Above the limit notices wait and go together, 'and 12 more'; critical ones go at once, each alone."""

    async def story(street: Any) -> None:
        await street.open("hook", rules=EVERYTHING, rate_count=1, rate_window_s=86_400.0)
        street.town.alert("first", "warning")
        await street.webhook.until(lambda: street.webhook.posted)
        for number in range(17):
            street.town.alert(f"flood-{number:02}", "warning")
        for number in range(3):
            street.town.alert(f"fire-{number}", "critical")
        await _until_log(street, lambda log: sum(one.state == "sent" for one in log) == 4)
        log = await _until_log(street, lambda log: len(log) == 21)
        assert all((one.state == "sent") == (one.severity == "critical") for one in log[:20])
        await street.town.kill()
        await street.town.start(rules=EVERYTHING)  # a new life, a new window
        await _until_log(street, lambda log: all(one.state == "sent" for one in log))
        together = street.webhook.posted[-1]
        assert together["title"] == "17 notices"
        assert together["message"].endswith("and 12 more")
        assert len(street.webhook.posted) == 5

    play(story)


def test_quiet_hours_hold_all_but_what_is_critical(play: Play) -> None:
    """While it is quiet a warning waits and a critical alert arrives; with the quiet hours gone, both."""

    async def story(street: Any) -> None:
        # Quiet all day but for one minute that lies twelve hours off.
        far = datetime.now(UTC) + timedelta(hours=12)
        quiet = {"quiet_from": f"{far:%H:%M}", "quiet_until": f"{far - timedelta(minutes=1):%H:%M}"}
        await street.open("hook", timezone="UTC", **quiet)
        street.town.alert("small", "warning")
        street.town.alert("large", "critical")
        await street.webhook.until(lambda: street.webhook.posted)
        status = await street.town.ask(GetNotifyStatus(), NotifyStatus)
        assert status.quiet
        log = await _until_log(street, lambda log: {one.state for one in log} == {"sent", "waiting"})
        assert {one.severity: one.state for one in log} == {"critical": "sent", "warning": "waiting"}
        await street.town.kill()
        await street.town.start()
        await street.webhook.until(lambda: len(street.webhook.posted) == 2)

    play(story)


def test_a_digest_waits_for_its_time(play: Play) -> None:
    """What a digest rule collects is due at the digest's time, not before."""

    async def story(street: Any) -> None:
        rules = {
            "digest": NotifyRule(topics=["alert.slow*"], digest=True),
            "now": NotifyRule(topics=["alert.now"]),
        }
        await street.open("hook", rules=rules)
        street.town.alert("slow-1", "warning")
        street.town.alert("slow-2", "warning")
        street.town.alert("now", "warning")
        await street.webhook.until(lambda: street.webhook.posted)
        log = await _until_log(street, lambda log: len(log) == 3 and log[0].state == "sent")
        assert [one.state for one in log] == ["sent", "waiting", "waiting"]
        assert log[1].due_ms == log[2].due_ms > log[1].created_ms
        done = await street.town.ask(RetryDeliveries(actor="me"), Done)
        assert done.message == "2 deliveries are tried again."
        await street.webhook.until(lambda: len(street.webhook.posted) == 2)
        assert street.webhook.posted[1]["title"] == "Digest: 2 notices"

    play(story)


def test_a_report_is_sent_with_its_file_and_no_other_file_is(play: Play) -> None:
    """A notice's file below `reports` is attached to the mail; a path out of it is not."""

    async def story(street: Any) -> None:
        await street.open("mail")
        folder = street.town.home.root / "reports"
        folder.mkdir()
        (folder / "day.html").write_text("<p>fine</p>")
        notice = Notice(
            key="r", severity="info", title="Report", text="All well.", files=["day.html", "../config.yaml"]
        )
        street.town.viewer.publish(f"{NOTICES}report.daily", notice)
        await street.mailbox.until(lambda: street.mailbox.letters)
        assert [one.get_filename() for one in street.mailbox.letters[0].iter_attachments()] == ["day.html"]

    play(story)


def test_the_test_button_tells_what_is_wrong_without_the_secret(play: Play) -> None:
    """A channel whose machine is not there says so, and its password is in no answer."""

    async def story(street: Any) -> None:
        street.town.keep("gone", "json://bob:hunter2secret@127.0.0.1:9/hook")
        street.town.keep("odd", "not an address")
        await street.open("hook")
        tests = await street.town.ask(TryChannels(actor="me"), ChannelTests)
        found = {one.channel: one for one in tests.tests}
        assert found["hook"].ok
        assert street.webhook.posted[0]["title"] == "CryptoBot: a test"
        assert not found["gone"].ok
        assert "onnection error" in found["gone"].reason
        assert found["odd"].reason == "The secret notify.odd is no address that apprise understands"
        status = await street.town.ask(GetNotifyStatus(), NotifyStatus)
        assert "hunter2secret" not in repr((tests, status))

    play(story)


def test_old_news_of_a_long_absence_are_given_up(play: Play) -> None:
    """What cannot be delivered for give_up_after_s is failed, and a person can have it tried again."""

    async def story(street: Any) -> None:
        await street.open("hook", give_up_after_s=1.0)
        street.webhook.status = 500
        street.town.alert("a", "error")
        await _until_log(street, lambda log: log and log[0].state == "failed")
        street.webhook.status = 200
        await street.town.ask(RetryDeliveries(actor="me"), Done)
        await street.webhook.until(lambda: street.webhook.posted)

    play(story)


async def _until_log(street: Any, fits: Callable[[Any], Any]) -> Any:
    """The log, once it fits; asked again at each change that the service tells."""
    changed = asyncio.Event()
    subscription = street.town.viewer.subscribe(DELIVERIES, DeliveryChanged, lambda _: changed.set())
    await street.town.viewer.settled()
    try:
        async with asyncio.timeout(45):
            while True:
                changed.clear()
                log = (await street.town.ask(ListDeliveries(), DeliveryLog)).entries
                if log and fits(log):
                    return log
                await changed.wait()
    finally:
        subscription.close()
