"""Which news go to which channels, and when."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ...configs import daytimes
from ...configs.sections.notify import NotifyRule, NotifySettings
from .news import News, rank

TELEGRAM = "telegram"
"""The channel of all linked chats."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A rule sends some news to a channel; not before `due_ms`."""

    rule: str
    channel: str
    digest: bool
    due_ms: int


def picks(news: News, settings: NotifySettings, channels: Iterable[str], now_ms: int) -> list[Pick]:
    """Where news go, each channel once: at once where any rule says so, else with the next digest."""
    known, found = list(channels), dict[str, Pick]()
    for name, rule in sorted(settings.rules.items(), key=lambda item: item[1].digest):
        if not _fits(rule, news):
            continue
        digest = rule.digest and not news.urgent
        due_ms = _digest_ms(settings, now_ms) if digest else now_ms
        for channel in known:
            if (not rule.channels or channel in rule.channels) and channel not in found:
                found[channel] = Pick(name[:40], channel, digest, due_ms)
    return list(found.values())


def _fits(rule: NotifyRule, news: News) -> bool:
    return (
        rule.enabled
        and rank(news.severity) >= rank(rule.severity)
        and any(fnmatch.fnmatchcase(news.topic, pattern) for pattern in rule.topics)
    )


def _digest_ms(settings: NotifySettings, now_ms: int) -> int:
    zone = daytimes.zone_of(settings.timezone)
    due = daytimes.next_at(_moment(now_ms), settings.digest_at, zone)
    return now_ms if due is None else int(due.timestamp() * 1000)


def quiet_until_ms(settings: NotifySettings, now_ms: int) -> int:
    """When the quiet hours end in which we are; 0 when we are in none."""
    zone = daytimes.zone_of(settings.timezone)
    ends = daytimes.quiet_until(_moment(now_ms), settings.quiet_from, settings.quiet_until, zone)
    return 0 if ends is None else int(ends.timestamp() * 1000)


def is_told_again(severity: str, told: tuple[str, int] | None, now_ms: int, repeat_after_s: float) -> bool:
    """Whether people hear of a fault: it is new, worse than they were told, or was told long ago.

    Args:
        told: severity and time of the last telling; None when they were not told.
    """
    if told is None or rank(severity) > rank(told[0]):
        return True
    return now_ms - told[1] >= repeat_after_s * 1000


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
