"""The strategy service: runs the strategies of the settings, each fenced."""

import asyncio
import functools
from typing import ClassVar

from ...bus import topics
from ...bus.api import Received, Request
from ...bus.contracts import trade
from ...bus.contracts.base import Done
from ...bus.contracts.market import Candle, Candles, ListCandles
from ...bus.contracts.service import Audit
from ...bus.contracts.strategy import ListStrategies, SetStrategyRunning, Strategies
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError
from ...configs.paths import Home
from ...configs.schema import StrategyInstance
from ..host.service import Service
from ..host.service import run as run_service
from .account import Account
from .base import Fill
from .delivery import NOT_SERVED_YET, Delivery
from .guard import HangGuard
from .loader import Loader
from .memory import MemoryFile
from .runner import RUNNING, WARMING_UP, Market, Runner, Tools

READY_WITHIN_S = 15.0
_ASK_AGAIN_S = 0.5
_MOST_CANDLES = 10_000


class StrategyService(Service):
    """Publishes `signal.*` and `indicator.*`; answers ListStrategies and SetStrategyRunning."""

    name: ClassVar[str] = "strategy"

    async def setup(self) -> None:
        self._exchange = self.settings.data.exchange
        self._loader = Loader(self.home.strategies)
        account = Account(self.bus, self._exchange)
        self._tools = Tools(
            bus=self.bus,
            account=account,
            delivery=Delivery(self.bus, account),
            guard=HangGuard(self.settings.strategy.call_timeout_s),
            history=self.settings.data.history,
            fresh_s=self.settings.data.stale_after_s,
        )
        self._runners = {
            name: self._runner(name, instance) for name, instance in self.settings.strategy.instances.items()
        }
        self._running: dict[str, asyncio.Task[None]] = {}
        self._subscribe(account)
        self.bus.serve(ListStrategies, self._list_strategies)
        self.bus.serve(SetStrategyRunning, self._set_running)
        await self.bus.settled()
        self.spawn(self._learn_account(account), "account")
        self._start_enabled()
        await self._settled_start()

    async def stop(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _runner(self, name: str, instance: StrategyInstance) -> Runner:
        market = Market(instance.strategy, self._exchange, instance.symbol, instance.timeframe)
        return Runner(
            name,
            market,
            functools.partial(self._loader.load, instance.strategy),
            instance.parameters,
            functools.partial(self._past, market),
            MemoryFile(self.home.state / "strategy", name),
            self._tools,
        )

    def _subscribe(self, account: Account) -> None:
        account.follow()
        wanted = {
            topics.candle(self._exchange, runner.market.symbol, runner.market.timeframe)
            for runner in self._runners.values()
        }
        for topic in wanted:
            self.bus.subscribe(topic, Candle, self._on_candle)
        self.bus.subscribe(topics.fill(self._exchange), trade.Fill, self._on_fill)

    def _start_enabled(self) -> None:
        for name, runner in self._runners.items():
            if not self.settings.strategy.instances[name].enabled:
                runner.reason = "not enabled in the settings"
            elif runner.remembers_stop():
                runner.reason = "stopped by a person"
            else:
                self._start(name, by_person=False)

    def _start(self, name: str, *, by_person: bool) -> None:
        runner = self._runners[name]
        runner.state = WARMING_UP
        self._running[name] = asyncio.get_running_loop().create_task(
            runner.run(by_person=by_person), name=f"strategy:{name}"
        )

    async def _settled_start(self) -> None:
        """Wait until every run trades, waits for candles or has failed; at most READY_WITHIN_S."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await asyncio.gather(
                    *(runner.opened.wait() for name, runner in self._runners.items() if name in self._running)
                )
        except TimeoutError:
            self.log.warning("ready without all strategies: data or trade does not answer yet")

    async def _learn_account(self, account: Account) -> None:
        while True:
            try:
                await account.refresh()
                return
            except (BusTimeoutError, RequestFailedError) as error:
                self.log.warning("trade or data does not answer yet", reason=str(error))
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _past(self, market: Market, limit: int, since_ms: int | None) -> list[Candle]:
        """The newest finished candles of a market; waits until data answers."""
        wish = ListCandles(
            exchange=market.exchange,
            symbol=market.symbol,
            timeframe=market.timeframe,
            limit=min(limit, _MOST_CANDLES),
            since_ms=since_ms,
        )
        while True:
            try:
                return (await self.bus.request("data", wish, Candles)).candles
            except BusTimeoutError as error:
                self.log.warning("data does not answer yet", reason=str(error))
            except RequestFailedError as error:
                if error.code != NOT_SERVED_YET:
                    raise
                await asyncio.sleep(_ASK_AGAIN_S)

    def _on_candle(self, received: Received[Candle]) -> None:
        candle = received.message
        if not candle.closed:
            return
        for runner in self._runners.values():
            if runner.market.symbol == candle.symbol and runner.market.timeframe == candle.timeframe:
                runner.take(candle)

    def _on_fill(self, received: Received[trade.Fill]) -> None:
        fill = received.message
        runner = self._runners.get(fill.source)
        if runner is not None and fill.exchange == self._exchange:
            runner.filled(Fill(fill.side, fill.price, fill.amount, fill.fee, fill.ts_ms))

    def _list_strategies(self, _request: Request[ListStrategies]) -> Strategies:
        try:
            available = list(self._loader.available())
        except CryptoBotError as error:
            self.log.warning("strategies cannot be listed", reason=str(error))
            available = []
        return Strategies(
            strategies=[runner.status() for runner in self._runners.values()], available=available
        )

    async def _set_running(self, request: Request[SetStrategyRunning]) -> Done:
        wish = request.message
        runner = self._runners.get(wish.name)
        if runner is None:
            known = ", ".join(self._runners)
            raise RequestFailedError(
                "unknown_strategy", f"No strategy {wish.name!r} runs here; there are {known}."
            )
        if wish.running:
            sentence = self._start_by_person(wish.name, runner)
        else:
            sentence = await self._stop_by_person(wish.name, runner, wish.actor)
        self.bus.publish(
            topics.audit("trading"),
            Audit(
                kind="trading",
                actor=wish.actor,
                action="start strategy" if wish.running else "stop strategy",
                subject=wish.name,
                detail=sentence,
                ok=True,
            ),
        )
        return Done(message=sentence)

    def _start_by_person(self, name: str, runner: Runner) -> str:
        if runner.state in (RUNNING, WARMING_UP):
            return f"Strategy {name} runs already."
        self._start(name, by_person=True)
        return f"Strategy {name} starts."

    async def _stop_by_person(self, name: str, runner: Runner, actor: str) -> str:
        task = self._running.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        runner.stopped(f"stopped by {actor}")
        return f"Strategy {name} is stopped; its position and orders stay as they are."


def main(home: Home) -> int:
    """Run the strategy service until it is told to stop."""
    return run_service(StrategyService, home)
