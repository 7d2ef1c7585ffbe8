"""The notify service: hears what happens, tells people by their channels, takes commands from Telegram.

Nothing is sent from a bus handler: what is to be sent is written down first (outbox.py), and sent from there.
"""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.auth import SessionsRevoked
from ...bus.contracts.notify import DELIVERIES, NOTICES, DeliveryChanged, Notice
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.trade import Fill, Order, TradingState
from ...configs.accounts import names
from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from ...configs.schema import Settings
from ...configs.secret import Secret
from ..database.driver import peewee
from ..database.health import watch
from ..database.store import open_database
from ..host.service import Service, run
from . import channels
from .botapi import BotApi
from .desk import Desk
from .dispatcher import Dispatcher
from .links import Links
from .models import MIGRATIONS, MODELS
from .news import News, news_of
from .outbox import Addressed, Outbox, Route
from .rules import TELEGRAM, picks
from .telegram import Telegram

MUTED = "muted_until_ms"
_BACKLOG = 2000
_TIDY_S = 3600.0
_AGAIN_S = 2.0
_HEARD: tuple[tuple[str, type[Any], str], ...] = (
    (topics.ALERTS, Alert, "notify-alerts"),
    (topics.TRADING_STATE, TradingState, "notify-trading"),
    (topics.ORDERS, Order, "notify-orders"),
    (topics.FILLS, Fill, "notify-fills"),
    (topics.AUDIT, Audit, "notify-audit"),
    (NOTICES, Notice, "notify-notices"),
)


def main(home: Home) -> int:
    """Run the service; what its manifest names."""
    return run(NotifyService, home)


class NotifyService(Service):
    """One outbox, many channels, at most one Telegram bot."""

    name = "notify"

    def __init__(
        self, home: Home, settings: Settings, bus: AsyncBusApi, log: structlog.typing.FilteringBoundLogger
    ) -> None:
        super().__init__(home, settings, bus, log)
        self.channels: dict[str, channels.Channel] = {}
        self.telegram: Telegram | None = None
        self._token: Secret | None = None
        self._api: BotApi | None = None
        self._backlog: deque[News] = deque(maxlen=_BACKLOG)

    async def setup(self) -> None:
        self._changed = self.bus.topic(DELIVERIES, DeliveryChanged)
        self.database = open_database(self.home, "notify", models=MODELS, migrations=MIGRATIONS)
        self.outbox = Outbox(self.database)
        self.links = Links(self.database)
        self.dispatcher = Dispatcher(
            self.database,
            self.outbox,
            self,
            lambda: self.settings.notify,
            self.log,
            reports=self.home.root / "reports",
            told=self._told,
            troubled=self._troubled,
        )
        again = self.outbox.recover()
        if again:
            self.log.info("deliveries that an earlier life began are sent again", count=again)
        self.dispatcher.muted_until_ms = self.outbox.number(MUTED)
        await self._open_channels()
        Desk(self).serve()
        for prefix, schema, durable in _HEARD:
            self.bus.subscribe(prefix, schema, self._hear, durable=durable)
        self.bus.subscribe(topics.audit("session"), SessionsRevoked, self._revoked, durable="notify-people")
        self.spawn(self.dispatcher.run(), "dispatcher")
        self.spawn(self._tidy(), "tidy")
        self.spawn(watch(self, self.database), "database health")
        if self.telegram is not None:
            self.spawn(self.telegram.run(), "telegram")

    async def stop(self) -> None:
        if hasattr(self, "dispatcher"):
            await self.dispatcher.close()
        if self._api is not None:
            await self._api.close()
        if hasattr(self, "database"):
            self.database.close()

    def settings_changed(self, before: Settings) -> None:
        if before.notify != self.settings.notify and hasattr(self, "dispatcher"):
            self.dispatcher.free()

    async def _open_channels(self) -> None:
        """What the secrets `notify.*` name. apprise is loaded on a thread: that takes a while."""
        notify = self.settings.notify
        for full in self.secret_names("notify.*"):
            name, secret = full.partition(".")[2], self.secret(full)
            if name == TELEGRAM:
                self._token = secret
                continue
            work = partial(channels.open_channel, name, secret)
            self.channels[name] = await channels.on_thread(work, "notify-open")
            if self.channels[name].problem:
                self.log.warning("a channel cannot be used", channel=name, reason=self.channels[name].problem)
        if self._token is None:
            return
        await channels.on_thread(lambda: channels.use_bot_api(notify.telegram_api), "notify-open")
        if notify.telegram_commands:
            self._api = BotApi(notify.telegram_api, self._token)
            self.telegram = Telegram(
                self._api,
                self.bus,
                self.links,
                self.database,
                self.outbox,
                self.log,
                poll_s=notify.telegram_poll_s,
                confirm_s=lambda: self.settings.notify.confirm_s,
                mute=self.mute,
                accounts=names(self.settings),
            )

    # What happened

    async def _hear(self, received: Received[Any]) -> None:
        news = news_of(received)
        if news is None:
            return
        self._backlog.append(news)
        await self._write_down()

    async def _revoked(self, received: Received[SessionsRevoked]) -> None:
        if self.telegram is not None:
            await self.telegram.look_at(received.message.user)

    async def _write_down(self) -> None:
        """Everything heard and not yet written; while the database is away it waits here."""
        settings = self.settings.notify
        while self._backlog:
            news, now_ms = self._backlog[0], _now_ms()
            if now_ms - news.ts_ms <= settings.give_up_after_s * 1000:
                chosen = picks(news, settings, self.names(), now_ms)
                addressed = [Addressed(pick, self.targets(pick.channel)) for pick in chosen]
                try:
                    made = await self.database.run(
                        self.outbox.take, news, addressed, now_ms, settings.repeat_after_s
                    )
                except (CryptoBotError, peewee.PeeweeException, OSError) as error:
                    self.ill("outbox", f"what happens cannot be written down: {error}")
                    return
                self.ill("outbox", "")
                if made:
                    self._new(news)
            if self._backlog and self._backlog[0] is news:
                self._backlog.popleft()

    def _new(self, news: News) -> None:
        if news.urgent:
            self.dispatcher.free()
        else:
            self.dispatcher.wake()
        self._changed.send(DeliveryChanged(id=0, channel="", state="waiting"))

    async def _tidy(self) -> None:
        forgotten = 0.0
        while True:
            await self._write_down()
            if time.monotonic() - forgotten > _TIDY_S or not forgotten:
                forgotten = time.monotonic()
                await self._forget()
            await asyncio.sleep(_AGAIN_S)

    async def _forget(self) -> None:
        before_ms = _now_ms() - int(self.settings.notify.keep_s * 1000)
        try:
            await self.database.run(self.outbox.forget, before_ms)
        except (CryptoBotError, peewee.PeeweeException, OSError) as error:
            self.log.warning("the delivery log cannot be tidied", reason=str(error))

    # Where to

    def names(self) -> list[str]:
        """All channels that rules can choose."""
        return [*self.channels, *([TELEGRAM] if self._token is not None else [])]

    def targets(self, channel: str) -> tuple[str, ...]:
        """The chats of the channel telegram; of any other one the channel itself."""
        if channel != TELEGRAM:
            return ("",)
        return tuple(str(link.chat_id) for link in self.links.all())

    def address(self, route: Route) -> channels.Channel | None:
        """See dispatcher.Directory."""
        if route.channel != TELEGRAM:
            return self.channels.get(route.channel)
        if self._token is None or self.links.of(int(route.target)) is None:
            return None
        secret = channels.telegram_address(self._token, route.target)
        return channels.Channel(TELEGRAM, secret, "Telegram")

    async def mute(self, for_s: float) -> None:
        """All but critical notices wait for so long."""
        until_ms = _now_ms() + int(for_s * 1000) if for_s > 0 else 0
        self.dispatcher.muted_until_ms = until_ms
        await self.database.run(self.outbox.keep_number, MUTED, until_ms)
        self.dispatcher.free()
        self._changed.send(DeliveryChanged(id=0, channel="", state="muted"))

    def _told(self, entry_id: int, channel: str, state: str) -> None:
        self._changed.send(DeliveryChanged(id=entry_id, channel=channel, state=state))

    def _troubled(self, channel: str, reason: str) -> None:
        self.ill(f"channel {channel}", f"{channel} does not take messages: {reason}" if reason else "")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
