"""The questions that the notify service answers."""

import time
from typing import Protocol

from ...bus import topics
from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.base import Done
from ...bus.contracts.notify import (
    BeginLink,
    ChannelTest,
    ChannelTests,
    DeliveryLog,
    EndLink,
    GetNotifyStatus,
    LinkCode,
    ListDeliveries,
    MuteNotices,
    NotifyChannel,
    NotifyRuleEntry,
    NotifyStatus,
    RetryDeliveries,
    TryChannels,
)
from ...bus.contracts.service import Audit
from ...configs.errors import RequestFailedError
from ...configs.schema import Settings
from ..database.store import Database
from .channels import Channel, on_thread, send
from .dispatcher import Dispatcher
from .links import Links
from .outbox import Outbox, Route
from .rules import quiet_until_ms
from .telegram import Telegram

_MOST_ROWS = 1000


class Notify(Protocol):
    """What the desk needs of the service."""

    settings: Settings
    bus: AsyncBusApi
    database: Database
    outbox: Outbox
    links: Links
    dispatcher: Dispatcher
    channels: dict[str, Channel]
    telegram: Telegram | None

    def names(self) -> list[str]: ...

    def targets(self, channel: str) -> tuple[str, ...]: ...

    def address(self, route: Route) -> Channel | None: ...

    async def mute(self, for_s: float) -> None: ...


class Desk:
    """Registers all handlers with `serve`."""

    def __init__(self, service: Notify) -> None:
        self._service = service

    def serve(self) -> None:
        bus = self._service.bus
        bus.serve(GetNotifyStatus, self.status)
        bus.serve(ListDeliveries, self.deliveries)
        bus.serve(TryChannels, self.test)
        bus.serve(RetryDeliveries, self.retry)
        bus.serve(BeginLink, self.begin_link)
        bus.serve(EndLink, self.end_link)
        bus.serve(MuteNotices, self.mute)

    async def status(self, request: Request[GetNotifyStatus]) -> NotifyStatus:
        service, settings = self._service, self._service.settings.notify
        found = [await self._channel(name) for name in service.names()]
        user = request.message.user
        telegram = service.telegram
        return NotifyStatus(
            channels=found,
            rules=[
                NotifyRuleEntry(
                    name=name,
                    topics=rule.topics,
                    severity=rule.severity,
                    channels=list(rule.channels),
                    digest=rule.digest,
                )
                for name, rule in settings.rules.items()
                if rule.enabled
            ],
            links=[link.told() for link in service.links.all() if user in ("", link.user)],
            bot=telegram.bot if telegram is not None else "",
            bot_problem=telegram.problem if telegram is not None else "",
            quiet=quiet_until_ms(settings, _now_ms()) > 0,
            quiet_hours=f"{settings.quiet_from} to {settings.quiet_until}" if settings.quiet_from else "",
            muted_until_ms=service.dispatcher.muted_until_ms,
        )

    async def _channel(self, name: str) -> NotifyChannel:
        service = self._service
        waiting, sent_ms, failed_ms, error = await service.database.run(service.outbox.summary, name)
        known = service.channels.get(name)
        kind, address, problem = "Telegram", "every linked chat", ""
        if known is not None:
            kind, address, problem = known.kind, known.address, known.problem
        elif not service.links.all():
            problem = "No chat is linked yet"
        return NotifyChannel(
            name=name,
            kind=kind,
            address=address,
            problem=problem,
            waiting=waiting,
            last_sent_ms=sent_ms,
            last_failed_ms=failed_ms,
            last_error=error,
        )

    async def deliveries(self, request: Request[ListDeliveries]) -> DeliveryLog:
        asked, service = request.message, self._service
        limit = min(max(asked.limit, 1), _MOST_ROWS)
        found = await service.database.run(
            service.outbox.entries, asked.channel, asked.state, asked.before, limit
        )
        return DeliveryLog(entries=found)

    async def test(self, request: Request[TryChannels]) -> ChannelTests:
        asked, names = request.message, self._service.names()
        if asked.channel and asked.channel not in names:
            known = f"there are {', '.join(names)}" if names else "none is set up"
            raise RequestFailedError("unknown_channel", f"There is no channel {asked.channel}; {known}.")
        wanted = [asked.channel] if asked.channel else names
        tests = [await self._test(name, asked.actor) for name in wanted]
        self._audit(asked.actor, "test channel", ", ".join(wanted), ok=all(one.ok for one in tests))
        return ChannelTests(tests=tests)

    async def _test(self, name: str, actor: str) -> ChannelTest:
        began = time.monotonic()
        reasons = [await self._try(Route(name, target), actor) for target in self._service.targets(name)]
        if not reasons:
            reasons = ["No chat is linked yet"]
        reason = " ".join(dict.fromkeys(filter(None, reasons)))
        took_ms = int((time.monotonic() - began) * 1000)
        return ChannelTest(channel=name, ok=not reason, reason=reason, took_ms=took_ms)

    async def _try(self, route: Route, actor: str) -> str:
        channel = self._service.address(route)
        if channel is None or channel.problem:
            return channel.problem if channel is not None else "It is gone"
        text = f"{actor} sent this to see whether the channel {route.channel} works. It does."
        return await on_thread(lambda: send(channel.secret, "CryptoBot: a test", text, "info"), "notify-test")

    async def retry(self, request: Request[RetryDeliveries]) -> Done:
        asked, service = request.message, self._service
        count = await service.database.run(service.outbox.retry, asked.id, _now_ms())
        if asked.id and not count:
            raise RequestFailedError("unknown_delivery", f"No delivery {asked.id} waits or was given up.")
        service.dispatcher.free()
        self._audit(asked.actor, "retry deliveries", str(asked.id or "all"))
        what = "1 delivery is" if count == 1 else f"{count} deliveries are"
        return Done(message=f"{what} tried again.")

    def begin_link(self, request: Request[BeginLink]) -> LinkCode:
        telegram = self._service.telegram
        if telegram is None:
            raise RequestFailedError(
                "no_bot",
                "No Telegram bot takes commands: make one with @BotFather, store its token with "
                "`cryptobot secret set notify.telegram` and restart notify.",
            )
        code, expires_ms = self._service.links.begin(request.message.user)
        address = f"https://t.me/{telegram.bot}?start={code}" if telegram.bot else ""
        return LinkCode(code=code, expires_ms=expires_ms, bot=telegram.bot, address=address)

    async def end_link(self, request: Request[EndLink]) -> Done:
        asked, service = request.message, self._service
        link = next((one for one in service.links.all() if str(one.chat_id) == asked.id), None)
        if link is None or asked.user not in ("", link.user):
            raise RequestFailedError("unknown_chat", f"There is no linked chat {asked.id[:40]}.")
        if service.telegram is not None:
            await service.telegram.unlink(link.chat_id, asked.actor)
        else:
            await service.links.end(link.chat_id)
            self._audit(asked.actor, "unlink chat", link.title)
        return Done(message="The chat speaks for nobody any more.")

    async def mute(self, request: Request[MuteNotices]) -> Done:
        for_s = min(max(request.message.for_s, 0.0), 30 * 86_400.0)
        await self._service.mute(for_s)
        self._audit(request.message.actor, "mute notices", f"for {for_s:g} s")
        return Done(message="Notices wait." if for_s else "Notices are sent again.")

    def _audit(self, actor: str, action: str, subject: str, *, ok: bool = True) -> None:
        entry = Audit(kind="system", actor=actor, action=action, subject=subject, detail="", ok=ok)
        self._service.bus.publish(topics.audit("system"), entry)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
