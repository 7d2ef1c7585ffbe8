"""Notifications over the API: channels, deliveries, tests, and chats that speak for users."""

from typing import Annotated

from flask import Flask, Response, request
from msgspec import Meta

from ...bus.contracts.auth import permits
from ...bus.contracts.base import Done
from ...bus.contracts.notify import (
    BeginLink,
    ChannelTests,
    DeliveryLog,
    EndLink,
    GetNotifyStatus,
    LinkCode,
    ListDeliveries,
    MuteNotices,
    NotifyStatus,
    RetryDeliveries,
    TryChannels,
)
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask_running, body, limit
from .lists import cursor_number, page
from .shapes import Body, Message

SERVICE = "notify"
MANAGE = "notify.manage"
# A mail server may take its time, and there may be several.
TEST_TIMEOUT_S = 120.0
_MOST = 1000


class ChannelChoice(Body, frozen=True, kw_only=True):
    """The channel to be tested; "" is every one."""

    channel: str = ""


class DeliveryChoice(Body, frozen=True, kw_only=True):
    """The delivery to be tried again; 0 is every one that waits or was given up."""

    id: Annotated[int, Meta(ge=0, le=10**17)] = 0


class MuteWish(Body, frozen=True, kw_only=True):
    """For how long all but critical notices wait, in seconds; 0 ends it."""

    for_s: Annotated[float, Meta(ge=0, le=30 * 86_400)]


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/notifications", "api_notifications", notifications, methods=["GET"])
    add(f"{PREFIX}/notifications/log", "api_deliveries", deliveries, methods=["GET"])
    add(f"{PREFIX}/notifications/test", "api_test_channels", test, methods=["POST"])
    add(f"{PREFIX}/notifications/retry", "api_retry_deliveries", retry, methods=["POST"])
    add(f"{PREFIX}/notifications/mute", "api_mute", mute, methods=["POST"])
    add(f"{PREFIX}/notifications/link", "api_link_chat", link, methods=["POST"])
    add(f"{PREFIX}/notifications/links/<name>/end", "api_unlink_chat", unlink, methods=["POST"])


def _own_only() -> str:
    """Who manages notifications sees every chat, others their own."""
    own = session()
    return "" if permits(own.permissions, MANAGE) else own.user


@requires("notify.read")
def notifications() -> Response:
    """Channels, rules and linked chats; chats of others only for those who manage notifications."""
    return answer(ask_running(SERVICE, GetNotifyStatus(user=_own_only()), NotifyStatus))


@requires(MANAGE)
def deliveries() -> Response:
    """What was sent and what was not, newest first: ?channel=&state=&cursor=&limit=."""
    most = min(limit(100), _MOST)
    question = ListDeliveries(
        channel=request.args.get("channel", "")[:40],
        state=request.args.get("state", "")[:12],
        before=cursor_number() or 0,
        limit=most,
    )
    log = ask_running(SERVICE, question, DeliveryLog)
    following = str(log.entries[-1].id) if len(log.entries) == most else ""
    return page(log, "entries", log.entries, following)


@requires(MANAGE)
def test() -> Response:
    """Send a test message to one channel or to all; answered when it went out, or not."""
    question = TryChannels(channel=body(ChannelChoice).channel[:40], actor=session().user)
    return answer(ask_running(SERVICE, question, ChannelTests, TEST_TIMEOUT_S))


@requires(MANAGE)
def retry() -> Response:
    """Try again now what waits or was given up."""
    question = RetryDeliveries(id=body(DeliveryChoice).id, actor=session().user)
    return answer(Message(message=ask_running(SERVICE, question, Done).message))


@requires(MANAGE)
def mute() -> Response:
    """Let all but critical notices wait."""
    question = MuteNotices(for_s=body(MuteWish).for_s, actor=session().user)
    return answer(Message(message=ask_running(SERVICE, question, Done).message))


@requires("notify.read", step_up=True)
def link() -> Response:
    """A code with which a Telegram chat speaks for the caller; good once, for ten minutes.

    The chat may do what the person may: an API key, which may do less, or a stolen session gets none.
    """
    return answer(ask_running(SERVICE, BeginLink(user=session().user), LinkCode))


@requires("notify.read")
def unlink(name: str) -> Response:
    """A chat speaks for nobody any more; one's own, or any for those who manage notifications."""
    question = EndLink(id=name[:40], actor=session().user, user=_own_only())
    return answer(Message(message=ask_running(SERVICE, question, Done).message))
