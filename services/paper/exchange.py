"""The paper exchange as one object, usable without the platform:

exchange = PaperExchange(PaperSettings(), Path("folder"))
await exchange.start()
ccxt.binance({"apiKey": exchange.api_key, "secret": exchange.api_secret, "urls": ...exchange.rest_url...})
await exchange.stop()
"""

import asyncio
import errno
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from ...configs.errors import StartError
from ...configs.schema import PaperSettings
from ..connectors.venue import Venue
from . import sources
from . import storage as db
from .changes import Fees
from .desk import Account, Desk, deposits, now_ms
from .feed import Feed
from .live import LivePrices
from .matching import Engine
from .parts import Parts
from .rules import Rules, for_pair
from .scripts import Script
from .server import Server
from .storage import Storage
from .timeline import Segment, Timeline
from .units import parse

HOST = "127.0.0.1"
MAIN_ACCOUNT = "main"
_SILENT_S = 20.0
"""A live market from which nothing was heard for so long is shown no further."""
_SHUTDOWN_S = 2.0
"""Requests that are under way when the exchange stops get so long; held ones are dropped then."""


class PaperExchange(Parts):
    """A spot exchange on a loopback port, which speaks Binance's protocol and keeps its state in a folder.

    Args:
        settings: the section `paper` of the settings.
        folder: its file lies here; two exchanges never share one.
        clock: milliseconds since 1970; tests may give their own.
        connect: opens the file where it is encrypted.
        live: opens the venue whose public prices are played when `paper.source` is live.
        listen: address that it listens on; `told` is the one under which others reach it.
    """

    def __init__(
        self,
        settings: PaperSettings,
        folder: Path,
        clock: Callable[[], int] = now_ms,
        connect: db.Connect | None = None,
        live: Callable[[], Awaitable[Venue]] | None = None,
        listen: str = HOST,
        told: str = HOST,
    ) -> None:
        super().__init__(settings, clock)
        self._open_live = live
        self._host, self._told = listen, told
        self._live: LivePrices | None = None
        self._folder, self._connect = folder, connect
        self.port = 0
        self.failed: asyncio.Future[None] | None = None
        self._runner: web.ServerRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # life

    async def start(self) -> None:
        """Open the file, take up what was stored, listen, and go on playing.

        Raises:
            StartError: the file, the recording or the port cannot be used.
        """
        self.storage = Storage(self._folder, self._connect)
        self.interval_ms = max(10, round(self.settings.candle_interval_s * 1000))
        try:
            played = self._build(await self._scripts())
            await self._listen()
        except BaseException:
            await self._close_live()
            self.storage.close()
            raise
        self.storage.write([(db.PUT_FACT, [("port", str(self.port)), ("played", played)])])
        self.failed = asyncio.get_running_loop().create_future()
        works = {"play": self.feed.play(), "books": self.feed.publish_books(), "store": self.desk.run()}
        if self._live is not None:
            works["live"] = self._live.run()
        for name, work in works.items():
            task = asyncio.create_task(work, name=f"paper:{name}")
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        await self.desk.committed()

    async def _scripts(self) -> dict[str, Script]:
        """What is played, by market."""
        settings = self.settings
        if settings.source != "live":
            return sources.load(settings, self.interval_ms)
        if self._open_live is None:
            raise StartError("Live prices need the paper service; this exchange was opened without a venue.")
        symbols = list(dict.fromkeys([settings.symbol, *settings.markets]))
        venue = await self._open_live()
        self._live = LivePrices(venue, symbols, self.interval_ms, self.clock, _SILENT_S)
        return await self._live.begin()

    async def _close_live(self) -> None:
        if self._live is not None:
            await self._live.close()
            self._live = None

    def _build(self, played: dict[str, Script]) -> str:
        settings = self.settings
        self.script = played[settings.symbol]
        self.begin = settings.start if settings.start < len(self.script) else len(self.script) // 2
        if self.script.begin is not None:
            self.begin = self.script.begin
        rules = {name: _rules(name, script.price(self.begin)) for name, script in played.items()}
        fees = Fees(parse(str(settings.maker_fee)), parse(str(settings.taker_fee)))
        self.engine = Engine(rules.values(), fees, settings.queue_position)
        self.desk = Desk(self.engine, self.storage, self.clock, self._tell)
        self.desk.load()
        what: list[object] = [
            settings.source, settings.file, len(self.script), settings.candle_interval_s
        ]  # fmt: skip
        if self._live is not None:
            what.append(self._clock())  # what was live in an earlier life is not remembered
        fingerprint = json.dumps(what)
        self.feed = self._feed({rules[name].symbol: s for name, s in played.items()}, fingerprint)
        self.desk.book_changed = self.feed.book_changed
        self.desk.publish = self.feed.publish_trades
        if MAIN_ACCOUNT not in self.desk.accounts:
            self.desk.open_account(MAIN_ACCOUNT, deposits(dict(settings.balances)))
        return fingerprint

    def _feed(self, scripts: dict[str, Script], fingerprint: str) -> Feed:
        """The feed, from where the recording stopped; another recording or speed begins anew."""
        interval_ms, facts = self.interval_ms, self.storage.facts()
        stored = [Segment(*row) for row in self.storage.segments() if row[2]]
        if stored and facts.get("played") == fingerprint:
            timeline = Timeline(interval_ms, stored)
        else:
            timeline = Timeline.begin(interval_ms, self._clock(), self.begin)
        timeline.resume(self._clock() // interval_ms + 1)
        segments = [(s.slot, s.number, s.count) for s in timeline.segments]
        if facts.get("played") != fingerprint:
            self.storage.write([(db.DROP_SEGMENTS, [()]), (db.PUT_SEGMENT, segments)])
        return Feed(
            self.engine, scripts, timeline, self.hub, self.clock, self._settled, self.settings.seed
        )  # fmt: skip

    async def stop(self) -> None:
        """Close the sockets, store what is left. The port and the keys stay the same for the next start."""
        for connection in tuple(self.hub.connections):
            connection.close()
        if self._runner is not None:
            await self._runner.cleanup()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._close_live()
        self.desk.finish()
        self.storage.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.failed is None or self.failed.done():
            return
        error = task.exception()
        if error is not None:
            self.failed.set_exception(error)

    async def _listen(self) -> None:
        stored = int(self.storage.facts().get("port", "0"))
        server = web.Server(Server(self).handle, access_log=None)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        wanted = self.settings.port or stored
        try:
            self.port = await _bind(runner, self._host, wanted)
        except OSError as error:
            if self.settings.port or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                await runner.cleanup()
                raise StartError(
                    f"The paper exchange cannot listen on {self._host}:{wanted} (paper.port): "
                    f"{error.strerror or error}. Choose another port, or 0 for a free one."
                ) from error
            self.port = await _bind(runner, self._host, 0)
        self._runner = runner

    # what people need to know

    @property
    def rest_url(self) -> str:
        return f"http://{self._told}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self._told}:{self.port}/ws"

    @property
    def ws_api_url(self) -> str:
        return f"ws://{self._told}:{self.port}/ws-api/v3"

    @property
    def api_key(self) -> str:
        return self.desk.accounts[MAIN_ACCOUNT].api_key

    @property
    def api_secret(self) -> str:
        return self.desk.accounts[MAIN_ACCOUNT].api_secret

    async def account(self, name: str, balances: dict[str, Decimal]) -> Account:
        """An account by its name, on disk; a new one holds these balances, or what the settings give.

        Raises:
            ValueError: an amount has more decimals than can be held.
        """
        if name not in self.desk.accounts:
            self.desk.open_account(name, deposits(dict(balances or self.settings.balances)))
            await self.desk.committed()
        return self.desk.accounts[name]

    # inside

    def _settled(self, finished: bool) -> None:
        """After a step of the price: store what traded; after a candle also the place in the recording."""
        if not finished:
            self.desk.settle()
            return
        segments = [(s.slot, s.number, s.count) for s in self.feed.timeline.segments[-2:]]
        self.desk.settle([(db.PUT_SEGMENT, segments)])


def _rules(symbol: str, price: int) -> Rules:
    base, _, quote = symbol.partition("/")
    return for_pair(base, quote, price)


async def _bind(runner: web.ServerRunner, host: str, port: int) -> int:
    site = web.TCPSite(runner, host, port)
    await site.start()
    server = site._server
    assert server is not None, "a started site has a server"
    address = server.sockets[0].getsockname()  # type: ignore[attr-defined]
    return int(address[1])
