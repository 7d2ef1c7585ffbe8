"""One strategy on one market: fed finished candles one at a time, its wishes carried to trade, fenced.

A candle is settled when trade has accepted or refused every wish that it caused. Only then is it
remembered, so a process that dies anywhere sees it again, makes the same wishes under the same ids, and
trade makes one order of them. Candles that ended too long ago open nothing: buys on them are dropped,
sells are carried out late rather than never.
"""

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.market import Candle as CandleMessage
from ...bus.contracts.market import timeframe_ms
from ...bus.contracts.strategy import StrategyStatus
from ...configs.errors import CryptoBotError, StrategyError
from .account import Account
from .base import Candle, Fill, Order, Position, Strategy, Wish
from .delivery import Delivery, Intended
from .graph import Live, Plan
from .guard import HangGuard
from .loader import blame
from .memory import Memory, MemoryFile
from .telling import Teller

WARMING_UP, RUNNING, STOPPED, FAILED = "WARMING_UP", "RUNNING", "STOPPED", "FAILED"

History = Callable[[int, int | None], Awaitable[list[CandleMessage]]]
"""(limit, since_ms) to the newest finished candles of the run's market; waits until data answers."""


@dataclass(frozen=True, slots=True)
class Market:
    """What runs where."""

    strategy: str
    exchange: str
    symbol: str
    timeframe: str

    @property
    def quote(self) -> str:
        """The asset that is paid with."""
        return self.symbol.partition("/")[2].partition(":")[0]


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs share."""

    bus: AsyncBusApi
    account: Account
    delivery: Delivery
    guard: HangGuard
    history: int
    fresh_s: float


class Runner:
    """One run.

    Args:
        name: name of the run in the settings.
        load: gives the strategy class; called at each start, so that an edited file is read again.
        parameters: as the settings have them.
        past: asks data for finished candles.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        load: Callable[[], type[Strategy]],
        parameters: Mapping[str, object],
        past: History,
        memory: MemoryFile,
        tools: Tools,
    ) -> None:
        self.name, self.market = name, market
        self.state, self.reason = STOPPED, ""
        self.candles = 0
        self.opened = asyncio.Event()
        self._load, self._parameters, self._past = load, parameters, past
        self._file, self._tools = memory, tools
        self._step = timeframe_ms(market.timeframe)
        self._queue: deque[CandleMessage] = deque()
        self._arrived = asyncio.Event()
        self._fills: deque[Fill] = deque()
        self._wishes: list[Wish] = []
        self._cancels = False
        self._memory = Memory(market="")
        self._log = structlog.get_logger(component="strategy", run=name)
        self._tell = Teller(tools.bus, name)
        self._strategy: Strategy | None = None
        self._path = ""
        self._stamp = 0
        self._seen_ms = 0
        self._pushed = 0
        self._price = 0.0

    # -- what the strategy sees (base.World)

    @property
    def exchange(self) -> str:
        return self.market.exchange

    @property
    def symbol(self) -> str:
        return self.market.symbol

    @property
    def timeframe(self) -> str:
        return self.market.timeframe

    def position(self, symbol: str = "") -> Position:
        return self._tools.account.position(self.market.symbol, self._price)

    def cash(self, symbol: str = "") -> Decimal:
        return self._tools.account.free(self.market.quote)

    def order(self, wish: Wish) -> None:
        self._wishes.append(wish)

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        self._cancels = True

    def resting(self, symbol: str = "") -> list[Order]:
        return []

    def working(self, symbol: str = "") -> int:
        return len(self._tools.account.working(self.name, self.market.symbol))

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        self._log.info(message, **{key: str(value) for key, value in fields.items()})

    # -- life

    def take(self, candle: CandleMessage) -> None:
        """A finished candle came over the bus."""
        if self.state in (RUNNING, WARMING_UP):
            self._queue.append(candle)
            self._arrived.set()

    def filled(self, fill: Fill) -> None:
        """An order of this run was executed. The strategy is told before it sees the next candle, as in a
        backtest.
        """
        if self.state == RUNNING:
            self._fills.append(fill)

    async def run(self, *, by_person: bool = False) -> None:
        """Run until the task is cancelled or the strategy fails. Never raises for what the strategy does.

        Args:
            by_person: a person started it: what was missed while it was stopped is past.
        """
        self.state, self.reason = WARMING_UP, ""
        self._queue.clear()
        self._fills.clear()
        try:
            live = self._open(by_person)
            await self._warm_up(live)
            while True:
                message = await self._next()
                live = await self._take_edit(live)
                await self._advance(live, message)
        except CryptoBotError as error:
            self._fail(str(error))
        except Exception as error:
            self._log.exception("run broke")
            self._fail(f"inner error, {blame(error, '')}")

    def remembers_stop(self) -> bool:
        """A person stopped it in an earlier life of the process."""
        return self._file.load(self._identity()).stopped

    def stopped(self, reason: str) -> None:
        """The run's task was cancelled because a person asked for it."""
        self.state, self.reason = STOPPED, reason
        self._memory.stopped = True
        self._file.save(self._memory)

    def status(self) -> StrategyStatus:
        """For screens."""
        strategy = self._strategy
        values = strategy._parameters if strategy is not None else self._parameters
        return StrategyStatus(
            name=self.name,
            title=(strategy.title if strategy is not None else "") or self.name,
            exchange=self.market.exchange,
            symbol=self.market.symbol,
            timeframe=self.market.timeframe,
            state=self.state,
            reason=self.reason,
            parameters={key: str(value) for key, value in values.items()},
            candles=self.candles,
            signals=self._memory.signals,
        )

    def _identity(self) -> str:
        market = self.market
        return f"{market.strategy} {market.exchange} {market.symbol} {market.timeframe}"

    def _open(self, by_person: bool) -> Live:
        self._strategy = None
        strategy, plan = self._make()
        self._memory = self._file.load(self._identity())
        if by_person:
            self._memory.stopped, self._memory.settled_ms = False, 0
        live = Live(plan)
        strategy._world, strategy.state = self, self._memory.state
        self._strategy, self._needs = strategy, plan.lookback + strategy.warmup
        self._seen_ms = self._pushed = 0
        return live

    def _make(self) -> tuple[Strategy, Plan]:
        """Load the class, as its file is now.

        Raises:
            SettingsError: the name or a parameter is wrong.
            StrategyError: the file cannot be used.
        """
        owner = self._load()
        self._path = inspect.getfile(owner)
        self._stamp = _stamp(self._path)
        try:
            strategy = owner(self._parameters)
            return strategy, Plan(owner, strategy._parameters, self.market.timeframe)
        except CryptoBotError:
            raise
        except Exception as error:
            raise StrategyError(blame(error, self._path)) from error

    async def _take_edit(self, live: Live) -> Live:
        """Between two candles: when the file was changed, go on with the new class, if it can run."""
        if _stamp(self._path) == self._stamp:
            return live
        try:
            self._make()
        except CryptoBotError as error:
            self._stamp = _stamp(self._path)
            self._tell.edit_refused(str(error))
            return live
        self._log.info("file changed: going on with the new one")
        live = self._open(False)
        await self._warm_up(live)
        return live

    async def _warm_up(self, live: Live) -> None:
        """Show the indicators the past. What came after the last settled candle is decided upon, late."""
        settled = self._memory.settled_ms
        missed = max(0, (_now_ms() - settled) // self._step) if settled else 0
        await self._tools.account.known.wait()
        past = await self._past(max(self._tools.history, self._needs + 1) + missed, None)
        await self._start(live, [candle for candle in past if not settled or candle.open_ms <= settled])
        for candle in past:
            await self._advance(live, candle)

    async def _start(self, live: Live, past: list[CandleMessage]) -> None:
        for number, message in enumerate(past):
            self._push(live, message)
            if number % 500 == 499:
                await asyncio.sleep(0)
        if past and not self._memory.settled_ms:
            self._memory.settled_ms = self._seen_ms
        self._call("on_start")
        self._ready()
        self.opened.set()

    def _ready(self) -> None:
        lacking = self._needs + 1 - self._pushed
        self.state = RUNNING if lacking <= 0 else WARMING_UP
        self.reason = "" if lacking <= 0 else f"needs {lacking} more candles"

    async def _next(self) -> CandleMessage:
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    async def _advance(self, live: Live, message: CandleMessage) -> None:
        """Take the next candle; fetch those between it and the last one first."""
        if message.open_ms <= self._seen_ms:
            return
        if self._seen_ms and message.open_ms > self._seen_ms + self._step:
            since = self._seen_ms + self._step
            for between in await self._past((message.open_ms - since) // self._step + 1, since):
                if self._seen_ms < between.open_ms < message.open_ms:
                    await self._settle(live, between)
        await self._settle(live, message)

    async def _settle(self, live: Live, message: CandleMessage) -> None:
        """Decide on one candle and carry the wishes out; then remember it."""
        candle, wakes = self._push(live, message)
        self.candles += 1
        if self.state == WARMING_UP:
            self._ready()
        values = live.attributes()
        self._tell.lines(values, message)
        assert self._strategy is not None
        self._strategy.__dict__.update(values, candle=candle)
        while self._fills:
            self._call("on_fill", self._fills.popleft())
        if self.state == RUNNING and wakes:
            self._call("on_candle", candle)
        await self._carry_out(message)
        self._memory.settled_ms, self._memory.state = message.open_ms, self._strategy.state
        self._remember()

    def _remember(self) -> None:
        try:
            self._file.save(self._memory)
        except OSError as error:
            # A full disk must not keep it from selling. After a restart it sees more candles again than it
            # had to, and trade knows the wishes that they cause by their ids.
            self._log.error("memory is not kept", reason=str(error))

    def _push(self, live: Live, message: CandleMessage) -> tuple[Candle, bool]:
        candle = Candle(
            message.open_ms,
            float(message.open),
            float(message.high),
            float(message.low),
            float(message.close),
            float(message.volume),
        )
        self._seen_ms, self._price = message.open_ms, candle.close
        self._pushed += 1
        return candle, live.push(candle)

    def _call(self, hook: str, *arguments: Any) -> None:
        """Call the author's code, limited in time.

        Raises:
            StrategyError: it raised or hung; one sentence with file and line.
        """
        try:
            with self._tools.guard.limit():
                getattr(self._strategy, hook)(*arguments)
        except (Exception, SystemExit) as error:
            self._wishes.clear()
            raise StrategyError(f"{hook} failed: {blame(error.__cause__ or error, self._path)}") from error

    async def _carry_out(self, message: CandleMessage) -> None:
        wishes, self._wishes = self._wishes, []
        if self._cancels:
            self._cancels = False
            await self._tools.delivery.cancel(self.name, self.market.symbol)
        counts = {"buy": 0, "sell": 0}
        for wish in wishes:
            counts[wish.side] += 1
            number = f"{wish.side[0]}{counts[wish.side]}"
            intent_id = f"{self.name}:{topics.part(self.market.symbol)}:{message.open_ms}:{number}"
            self._memory.signals += 1
            self._tell.decided(wish, message, intent_id)
            intended = Intended(
                self.name,
                self.market.exchange,
                self.market.symbol,
                intent_id,
                wish,
                message.open_ms,
                Decimal(message.close),
            )
            expires_ms = message.open_ms + self._step + max(self._step, int(self._tools.fresh_s * 1000))
            await self._tools.delivery.carry_out(intended, expires_ms)

    def _fail(self, reason: str) -> None:
        self.state, self.reason = FAILED, reason
        self.opened.set()
        self._tell.failed(reason)


def _stamp(path: str) -> int:
    """When a file was last changed; 0 when it is gone (a frozen program has none)."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
