"""Settings of the notify service: who is told what, when, and how often."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .base import Section, setting

Severity = Literal["info", "warning", "error", "critical"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class NotifyRule(Section, frozen=True, kw_only=True):
    """One rule: what happens on these topics, this bad or worse, goes to these channels."""

    topics: Annotated[
        list[str],
        setting(
            "Topics, with * for any text: alert.*, trade.state, fill.*, order.*, audit.*, report.*.",
            applies="live",
        ),
    ]
    severity: Annotated[Severity, setting("Only what is this bad or worse.", applies="live")] = "info"
    channels: Annotated[
        list[Name],
        setting("Names of channels; none is every channel. `telegram` is every linked chat.", applies="live"),
    ] = msgspec.field(default_factory=list)
    digest: Annotated[
        bool, setting("Collect these and send them together, at notify.digest_at.", applies="live")
    ] = False
    enabled: Annotated[bool, setting("Use this rule.", applies="live")] = True


def _default_rules() -> dict[str, NotifyRule]:
    return {
        "alerts": NotifyRule(topics=["alert.*"], severity="warning"),
        "trading-state": NotifyRule(topics=["trade.state"]),
        "refused-orders": NotifyRule(topics=["order.*"], severity="warning"),
        "fills": NotifyRule(topics=["fill.*"], digest=True),
        "reports": NotifyRule(topics=["report.*"]),
        "security": NotifyRule(topics=["audit.login", "audit.user"], severity="warning"),
    }


class NotifySettings(Section, frozen=True, kw_only=True):
    """Notifications. The service runs with services.notify.enabled.

    A channel is a secret `notify.NAME` that holds an address of apprise, such as
    `mailto://user:password@example.org`; `notify.telegram` holds the token of a Telegram bot.
    """

    rules: Annotated[
        dict[Annotated[str, Meta(max_length=40)], NotifyRule],
        setting("Name of the rule: what goes where.", merges=True, applies="live"),
    ] = msgspec.field(default_factory=_default_rules)
    timezone: Annotated[
        str,
        setting("Zone of the times here, such as Europe/Berlin; empty is the machine's.", applies="live"),
    ] = ""
    quiet_from: Annotated[
        str, setting("From this time on only critical notices are sent; empty is never.", applies="live")
    ] = ""
    quiet_until: Annotated[str, setting("What waited is sent at this time.", applies="live")] = "07:00"
    digest_at: Annotated[
        list[str], setting("Times at which digests are sent, such as 08:00.", applies="live")
    ] = msgspec.field(default_factory=lambda: ["08:00"])
    rate_count: Annotated[
        int,
        setting(
            "At most so many messages a channel within rate_window_s; what is more is put together into "
            "one. Critical notices do not count.",
            applies="live",
            ge=1,
            le=1000,
        ),
    ] = 6
    rate_window_s: Annotated[
        float, setting("The window of rate_count.", unit="s", applies="live", ge=1, le=86_400)
    ] = 60.0
    repeat_after_s: Annotated[
        float,
        setting(
            "The same fault is told again after so long, unless it got worse.", unit="s", applies="live", ge=0
        ),
    ] = 3600.0
    retry_initial_s: Annotated[
        float,
        setting("Pause before the second try; it doubles.", unit="s", applies="live", ge=0.1, le=3600),
    ] = 5.0
    retry_max_s: Annotated[float, setting("Longest pause between tries.", unit="s", applies="live", ge=1)] = (
        900.0
    )
    give_up_after_s: Annotated[
        float, setting("What could not be delivered for so long is given up.", unit="s", applies="live", ge=1)
    ] = 86_400.0
    send_timeout_s: Annotated[
        float, setting("How long one message may take.", unit="s", applies="live", ge=1, le=300)
    ] = 30.0
    keep_s: Annotated[
        float, setting("How long the delivery log is kept.", unit="s", applies="live", ge=3600)
    ] = 30 * 86_400.0
    telegram_commands: Annotated[
        bool, setting("Take commands from linked Telegram chats, where notify.telegram holds a token.")
    ] = True
    telegram_api: Annotated[
        str, setting("Address of the Bot API; another one for a Bot API server of your own.")
    ] = "https://api.telegram.org"
    telegram_poll_s: Annotated[int, setting("How long one long poll lasts.", unit="s", ge=1, le=50)] = 25
    confirm_s: Annotated[
        float,
        setting("A dangerous command has to be confirmed within this time.", unit="s", applies="live", ge=5),
    ] = 60.0
