"""Owner: notify. Numbers 0x0Axx. No message here carries an address with its password or token."""

from .base import Delivery, Done, Message, message, request

NOTICES = "notice."
"""Any service may publish a `Notice` on `notice.<what>`; the rules decide who hears of it."""
DELIVERIES = "notify.delivery"


@message(0x0A01, delivery=Delivery.EVENT)
class Notice(Message, frozen=True, kw_only=True, gc=False):
    """Something that people may want to be sent, such as a report.

    Args:
        key: the same key is the same thing, told again.
        severity: info, warning, error or critical.
        files: to be attached, as paths below the home's folder `reports`.
    """

    key: str
    severity: str
    title: str
    text: str
    files: list[str] = []


@message(0x0A02, delivery=Delivery.REPLY)
class NotifyChannel(Message, frozen=True, kw_only=True, gc=False):
    """One way to people. `address` is the URL without what is secret in it; `problem` is "" when it works.

    `waiting` counts what is not delivered yet; times are milliseconds, 0 is never.
    """

    name: str
    kind: str
    address: str
    problem: str
    waiting: int
    last_sent_ms: int
    last_failed_ms: int
    last_error: str


@message(0x0A03, delivery=Delivery.REPLY)
class ChatLink(Message, frozen=True, kw_only=True, gc=False):
    """A Telegram chat that speaks for a user; `id` names the link."""

    id: str
    user: str
    title: str
    linked_ms: int
    last_ms: int


@message(0x0A04, delivery=Delivery.REPLY)
class NotifyRuleEntry(Message, frozen=True, kw_only=True, gc=False):
    """A rule in force; `channels` empty is every channel."""

    name: str
    topics: list[str]
    severity: str
    channels: list[str]
    digest: bool


@message(0x0A05, delivery=Delivery.REPLY)
class NotifyStatus(Message, frozen=True, kw_only=True, gc=False):
    """How people are told now.

    Args:
        bot: the Telegram bot's name, "" when there is none or it does not answer.
        bot_problem: why commands cannot be received; "" when they can, or when no bot is set up.
        quiet: whether quiet hours are now.
        muted_until_ms: all but critical notices wait until then.
    """

    channels: list[NotifyChannel]
    rules: list[NotifyRuleEntry]
    links: list[ChatLink]
    bot: str
    bot_problem: str
    quiet: bool
    quiet_hours: str
    muted_until_ms: int


@request(0x0A06, reply=NotifyStatus, permission="notify.read")
class GetNotifyStatus(Message, frozen=True, kw_only=True, gc=False):
    """Channels, rules and linked chats; with `user`, that user's chats alone."""

    user: str = ""


@message(0x0A07, delivery=Delivery.REPLY)
class DeliveryEntry(Message, frozen=True, kw_only=True, gc=False):
    """One notice on its way to one channel.

    `state` is waiting, sending, sent, failed (given up) or dropped (too old). Notices of one `batch` went as
    one message.
    """

    id: int
    channel: str
    target: str
    rule: str
    topic: str
    severity: str
    title: str
    text: str
    state: str
    attempts: int
    error: str
    created_ms: int
    due_ms: int
    sent_ms: int
    batch: str = ""


@message(0x0A08, delivery=Delivery.REPLY)
class DeliveryLog(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    entries: list[DeliveryEntry]


@request(0x0A09, reply=DeliveryLog, permission="notify.manage")
class ListDeliveries(Message, frozen=True, kw_only=True, gc=False):
    """What was sent and what was not; empty filters take everything, `before` pages back by id."""

    channel: str = ""
    state: str = ""
    before: int = 0
    limit: int = 200


@message(0x0A0A, delivery=Delivery.REPLY)
class ChannelTest(Message, frozen=True, kw_only=True, gc=False):
    """How a test went, and how long it took; `reason` is "" when it went well."""

    channel: str
    ok: bool
    reason: str
    took_ms: int


@message(0x0A0B, delivery=Delivery.REPLY)
class ChannelTests(Message, frozen=True, kw_only=True, gc=False):
    """One for each channel."""

    tests: list[ChannelTest]


@request(0x0A0C, reply=ChannelTests, permission="notify.manage")
class TryChannels(Message, frozen=True, kw_only=True, gc=False):
    """Send a test message now, past all rules; "" is every channel. Answered when it went out, or not."""

    actor: str
    channel: str = ""


@request(0x0A0D, reply=Done, permission="notify.manage")
class RetryDeliveries(Message, frozen=True, kw_only=True, gc=False):
    """Try again now what waits or was given up: one delivery, or all (0)."""

    actor: str
    id: int = 0


@message(0x0A0E, delivery=Delivery.REPLY)
class LinkCode(Message, frozen=True, kw_only=True, gc=False):
    """To be sent to the bot, once. `address` opens the chat with the code in it, "" while there is no bot."""

    code: str
    expires_ms: int
    bot: str
    address: str


@request(0x0A0F, reply=LinkCode, permission="notify.read")
class BeginLink(Message, frozen=True, kw_only=True, gc=False):
    """A code with which a Telegram chat becomes this user's."""

    user: str


@request(0x0A10, reply=Done, permission="notify.read")
class EndLink(Message, frozen=True, kw_only=True, gc=False):
    """A chat speaks for nobody any more. With `user`, only one of that user's own."""

    id: str
    actor: str
    user: str = ""


@message(0x0A11)
class DeliveryChanged(Message, frozen=True, kw_only=True, gc=False):
    """The delivery log has changed: whoever shows it asks again."""

    id: int
    channel: str
    state: str


@request(0x0A12, reply=Done, permission="notify.manage")
class MuteNotices(Message, frozen=True, kw_only=True, gc=False):
    """All but critical notices wait for so long; 0 ends it. Nothing is lost."""

    actor: str
    for_s: float
