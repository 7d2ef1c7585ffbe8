"""One strategy on one market: fed finished candles one at a time, its wishes carried to its desk, fenced.

A candle is settled when trade has accepted or refused every wish that it caused. Only then is it
remembered, so a process that dies anywhere sees it again, makes the same wishes under the same ids, and
trade makes one order of them. Candles that ended too long ago open nothing: buys on them are dropped,
sells are carried out late rather than never.
"""

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import structlog

from ...bus.contracts import trade
from ...bus.contracts.market import Candle as CandleMessage
from ...bus.contracts.market import timeframe_ms
from ...bus.contracts.strategy import StrategyStatus
from ...configs.accounts import MAIN
from ...configs.errors import CryptoBotError, StrategyError
from .base import Strategy
from .desk import DRY, Decision, Desk, DryDesk, LiveDesk, intent_id
from .feeds import FeedKey
from .graph import Live, Plan, due
from .loader import blame
from .memory import Memory, MemoryFile
from .others import Others
from .outfit import Assignment, Tools, as_candle, price_series, stamp
from .parameters import told
from .stage import Market, Stage
from .telling import Teller
from .values import Candle

WARMING_UP, RUNNING, STOPPED, FAILED = "WARMING_UP", "RUNNING", "STOPPED", "FAILED"
_MOST_CANDLES = 10_000


class Runner:
    """One run.

    Args:
        name: name of the run in the settings.
        assignment: what to run; its class is loaded at each start, so that an edited file is read again.
    """

    def __init__(
        self, name: str, market: Market, assignment: Assignment, memory: MemoryFile, tools: Tools
    ) -> None:
        self.name, self.market, self.mode = name, market, assignment.mode
        self.account = tools.account.name
        self.state, self.reason = STOPPED, ""
        self.candles = 0
        self.opened = asyncio.Event()
        self.own = FeedKey(market.symbol, market.timeframe)
        self.feeds: tuple[FeedKey, ...] = ()
        self._assignment, self._file, self._tools = assignment, memory, tools
        self._step = timeframe_ms(market.timeframe)
        self._queue: deque[CandleMessage] = deque()
        self._arrived = asyncio.Event()
        self._memory = Memory(market="")
        self._log = structlog.get_logger(component="strategy", run=name)
        self._tell = Teller(tools.bus, name)
        self._live_desk: LiveDesk | None = None
        self._desk = self._make_desk()
        self._stage = Stage(name, market, self._desk)
        self._strategy: Strategy | None = None
        self._others = Others((), tools.past)
        self._shown: dict[str, FeedKey] = {}
        self._path, self._stamp, self._changed = "", 0, False
        self._seen_ms = self._pushed = self._needs = 0

    def _make_desk(self) -> Desk:
        tools, market = self._tools, self.market
        if self.mode == DRY:
            return DryDesk(market.symbol, self._assignment.cash, tools.fees, tools.account, self._tell)
        self._live_desk = LiveDesk(self.name, market.exchange, market.symbol, tools.account, tools.delivery)
        return self._live_desk

    # -- what comes over the bus

    def take(self, key: FeedKey, candle: CandleMessage) -> None:
        """A finished candle of one of its series."""
        if self.state not in (RUNNING, WARMING_UP):
            return
        if key == self.own:
            self._queue.append(candle)
            self._arrived.set()
        else:
            self._others.take(key, candle)

    def took_fill(self, fill: trade.Fill) -> None:
        """An execution of anybody's order."""
        if self._live_desk is not None:
            self._live_desk.took_fill(fill)

    def took_order(self, order: trade.Order) -> None:
        """A change of anybody's order."""
        if self._live_desk is not None and self.state == RUNNING:
            self._live_desk.took_order(order)

    # -- life

    async def run(self, *, by_person: bool = False) -> None:
        """Run until the task is cancelled or the strategy fails. Never raises for what the strategy does.

        Args:
            by_person: a person started it: what was missed while it was stopped is past.
        """
        self.state, self.reason = WARMING_UP, ""
        self._queue.clear()
        try:
            live = await self._open(by_person)
            await self._warm_up(live)
            while True:
                message = await self._next()
                live = await self._take_changes(live)
                await self._advance(live, message)
        except CryptoBotError as error:
            self._fail(str(error))
        except Exception as error:
            self._log.exception("run broke")
            self._fail(f"inner error, {blame(error, '')}")

    def remembered(self) -> Memory:
        """What earlier lives of the process left."""
        return self._file.load(self._identity())

    def hung(self, place: str) -> None:
        """Its code hung so that the process had to be ended: it stays failed until a person starts it."""
        self._memory = self.remembered()
        self._memory.hung = f"it did not return, and its process had to be ended; it stood at {place}"
        self._file.save(self._memory)

    def fail(self, reason: str) -> None:
        """It is not even started, because of what was remembered."""
        self._fail(reason)

    def stopped(self, reason: str) -> None:
        """The run's task was cancelled because a person asked for it."""
        self.state, self.reason = STOPPED, reason
        self._memory.stopped = True
        self._file.save(self._memory)

    def change(self, values: Mapping[str, object], *, reset: bool) -> None:
        """Take other parameters from the next candle on; they are remembered.

        Raises:
            SettingsError: one is unknown, or out of its range; nothing is changed.
            StrategyError: the strategy's file cannot be used.
        """
        if not self._memory.market:
            self._memory = self.remembered()
        kept = {} if reset else self._memory.parameters
        owner = self._assignment.load()
        merged = {**kept, **values}
        strategy = owner({**self._assignment.parameters, **merged})
        Plan(owner, strategy._parameters, self.market.timeframe, self.market.symbol)
        self._memory.parameters = {name: strategy._parameters[name] for name in merged}
        self._changed = True
        self._file.save(self._memory)

    def status(self) -> StrategyStatus:
        """For screens."""
        strategy, memory = self._strategy, self._memory
        values = strategy._parameters if strategy is not None else self._assignment.parameters
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
            signals=memory.signals,
            mode=self.mode,
            feeds=[f"{key.symbol} {key.timeframe}" for key in self.feeds],
            changed=sorted(memory.parameters),
            held={symbol: holding.amount for symbol, holding in memory.book.holdings.items()},
            realised=memory.book.realised,
            cash=memory.dry.cash.get(self.market.quote) if self.mode == DRY else None,
            process=self._tools.process,
            account=self.account,
            declared=told(strategy.parameters()) if strategy is not None else [],
        )

    def _identity(self) -> str:
        market = self.market
        mode = f" {DRY}" if self.mode == DRY else ""
        account = "" if self.account == MAIN else f" {self.account}"
        return f"{market.strategy} {market.exchange} {market.symbol} {market.timeframe}{mode}{account}"

    async def _open(self, by_person: bool) -> Live:
        self._memory = self.remembered()
        strategy, plan = self._make()
        if by_person:
            self._memory.stopped, self._memory.settled_ms, self._memory.hung = False, 0, ""
        live = Live(plan)
        strategy._world, strategy.state = self._stage, self._memory.state
        strategy.__dict__["_newest"] = live
        self._stage.forget()
        self.feeds = plan.feeds
        self._others = Others(plan.feeds, self._tools.past)
        self._shown = price_series((self.own, *plan.feeds))
        if plan.feeds:
            await self._tools.watch(plan.feeds)
        await self._desk.open(self._memory)
        self._plan, self._strategy, self._needs = plan, strategy, plan.lookback + strategy.warmup
        self._seen_ms = self._pushed = 0
        return live

    def _make(self) -> tuple[Strategy, Plan]:
        """Load the class, as its file is now.

        Raises:
            SettingsError: the name or a parameter is wrong.
            StrategyError: the file cannot be used.
        """
        owner = self._assignment.load()
        self._path = inspect.getfile(owner)
        self._stamp = stamp(self._path)
        try:
            strategy = owner({**self._assignment.parameters, **self._memory.parameters})
            return strategy, Plan(owner, strategy._parameters, self.market.timeframe, self.market.symbol)
        except CryptoBotError:
            raise
        except Exception as error:
            raise StrategyError(blame(error, self._path)) from error

    async def _take_changes(self, live: Live) -> Live:
        """Between two candles: go on with an edited file, if it can run, and with changed parameters."""
        edited = stamp(self._path) != self._stamp
        if not edited and not self._changed:
            return live
        self._changed = False
        try:
            self._make()
        except CryptoBotError as error:
            self._stamp = stamp(self._path)
            self._tell.edit_refused(str(error))
            return live
        self._log.info("file changed: going on with the new one" if edited else "parameters changed")
        live = await self._open(False)
        await self._warm_up(live)
        return live

    async def _warm_up(self, live: Live) -> None:
        """Show the indicators the past. What came after the last settled candle is decided upon, late."""
        settled = self._memory.settled_ms
        missed = max(0, (_now_ms() - settled) // self._step) if settled else 0
        wanted = max(self._tools.history, self._needs + 1) + missed
        past = await self._tools.past(self.own, min(wanted, _MOST_CANDLES), None)
        if self.feeds and past:
            await self._others.load(past[0].open_ms, self._plan.lookbacks, _MOST_CANDLES)
        await self._start(live, [candle for candle in past if not settled or candle.open_ms <= settled])
        for candle in past:
            await self._advance(live, candle)

    async def _start(self, live: Live, past: list[CandleMessage]) -> None:
        for number, message in enumerate(past):
            await self._push(live, message, trades=False)
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
            count = (message.open_ms - since) // self._step + 1
            for between in await self._tools.past(self.own, min(count, _MOST_CANDLES), since):
                if self._seen_ms < between.open_ms < message.open_ms:
                    await self._settle(live, between)
        await self._settle(live, message)

    async def _settle(self, live: Live, message: CandleMessage) -> None:
        """Decide on one candle and carry the wishes out; then remember it."""
        candle, wakes = await self._push(live, message, trades=True)
        self.candles += 1
        if self.state == WARMING_UP:
            self._ready()
        values = live.attributes()
        _soon(self._tell.lines, values, message)
        assert self._strategy is not None
        self._strategy.__dict__.update(values, candle=candle)
        if self.state == RUNNING:
            self._hear()
            if wakes:
                self._decide(live, candle)
        await self._carry_out(message)
        self._memory.settled_ms, self._memory.state = message.open_ms, self._strategy.state
        self._remember()

    def _hear(self) -> None:
        """Tell the strategy what became of its orders."""
        while self._desk.fills:
            self._call("on_fill", self._desk.fills.popleft())
        while self._desk.ended:
            self._call("on_order", self._desk.ended.popleft())

    def _decide(self, live: Live, candle: Candle) -> None:
        plan = self._plan
        for name in due(plan.schedules, candle.open_ms, self._step):
            self._call(name)
        if plan.called is None or live.at(plan.called):
            self._call("on_candle", candle)

    def _remember(self) -> None:
        try:
            self._file.save(self._memory)
        except OSError as error:
            # A full disk must not keep it from selling. After a restart it sees more candles again than it
            # had to, and trade knows the wishes that they cause by their ids.
            self._log.error("memory is not kept", reason=str(error))

    async def _push(self, live: Live, message: CandleMessage, *, trades: bool) -> tuple[Candle, bool]:
        """Show the next own candle, and before it those of other series that were finished when it closed."""
        if self.feeds:
            for key, other in await self._others.until(message.open_ms + self._step):
                shown = as_candle(other)
                live.push_other(key, shown)
                self._note(key, shown, trades)
        candle = as_candle(message)
        self._seen_ms = message.open_ms
        self._pushed += 1
        self._note(self.own, candle, trades)
        return candle, live.push(candle)

    def _note(self, key: FeedKey, candle: Candle, trades: bool) -> None:
        if self._shown[key.symbol] == key:
            self._stage.prices[key.symbol] = candle.close
            if trades:
                self._desk.show(key.symbol, candle)

    def _call(self, hook: str, *arguments: Any) -> None:
        """Call the author's code, limited in time.

        Raises:
            StrategyError: it raised or hung; one sentence with file and line.
        """
        try:
            with self._tools.guard.limit(self.name):
                getattr(self._strategy, hook)(*arguments)
        except (Exception, SystemExit) as error:
            self._stage.forget()
            raise StrategyError(f"{hook} failed: {blame(error.__cause__ or error, self._path)}") from error

    async def _carry_out(self, message: CandleMessage) -> None:
        stage = self._stage
        wishes, cancels = list(stage.wishes), list(stage.cancels)
        stage.forget()
        for symbol, order_id in cancels:
            await self._desk.cancel(symbol, order_id)
        counts: dict[tuple[str, str], int] = {}
        for wish in wishes:
            symbol = wish.symbol or self.market.symbol
            number = counts[symbol, wish.side] = counts.get((symbol, wish.side), 0) + 1
            wish_id = intent_id(self.name, symbol, message.open_ms, wish.side, number)
            price = message.close if not wish.symbol else repr(stage.prices.get(symbol, 0.0))
            self._memory.signals += 1
            _soon(self._tell.decided, wish, symbol, message, price, wish_id)
            expires_ms = message.open_ms + self._step + max(self._step, int(self._tools.fresh_s * 1000))
            await self._desk.carry_out(Decision(wish, symbol, wish_id, message, Decimal(price), expires_ms))

    def _fail(self, reason: str) -> None:
        self.state, self.reason = FAILED, reason
        self.opened.set()
        self._tell.failed(reason)


def _soon(tell: Callable[..., None], *facts: object) -> None:
    """Tell of a decision once its order is on the way: this turn of the loop goes on until it is."""
    asyncio.get_running_loop().call_soon(tell, *facts)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
