"""The strategy service: runs the strategies of the settings, each fenced.

Runs may be spread over several processes (`strategy.instances.NAME.process`): `strategy` is the first and
answers for all; `strategy-2` and so on run theirs alone.
"""

import asyncio
import functools
import os
from typing import ClassVar

from ...bus import topics
from ...bus.api import Received, Request
from ...bus.contracts import trade
from ...bus.contracts.base import Done
from ...bus.contracts.market import Candle, Candles, ListCandles, WatchCandles
from ...bus.contracts.service import Audit
from ...bus.contracts.strategy import (
    ListStrategies,
    SetStrategyParameters,
    SetStrategyRunning,
    Strategies,
)
from ...configs import accounts, firstrun
from ...configs.errors import (
    BusTimeoutError,
    CryptoBotError,
    RequestFailedError,
    StartError,
)
from ...configs.paths import Home
from ...configs.schema import StrategyInstance, StrategySettings
from ..host.service import Service
from ..host.service import run as run_service
from . import golive
from .account import Account
from .delivery import NOT_SERVED_YET, Delivery
from .feeds import FeedKey
from .front import Front, runs
from .guard import HangGuard
from .lastresort import LastResort
from .loader import Loader
from .memory import MemoryFile
from .outfit import Assignment, Tools
from .runner import RUNNING, WARMING_UP, Runner
from .stage import Market

READY_WITHIN_S = 15.0
_ASK_AGAIN_S = 0.5
_MOST_CANDLES = 10_000
_RESERVE_S = 6.0
"""How much longer than a call may take the process may hang before it is ended."""
_VENUE_AWAY = "venue_away"
WAITS = "waits until somebody says what shall trade: in the first-run wizard, or by starting it here"


class StrategyService(Service):
    """Publishes `signal.*`, `indicator.*` and `dry.*`; answers ListStrategies, SetStrategyRunning and
    SetStrategyParameters.
    """

    name: ClassVar[str] = "strategy"
    number: ClassVar[int] = 1
    ends_itself: ClassVar[bool] = False
    """End the process when code hangs in a C library; only where the process is this service's own."""

    async def setup(self) -> None:
        self._loader = Loader(self.home.strategies)
        self._accounts = {
            name: Account(self.bus, accounts.venue_of(self.settings, name), name) for name in self._traded()
        }
        self._last_resort = LastResort(
            self.home.state / "strategy", self.name, self.settings.strategy.call_timeout_s + _RESERVE_S
        )
        self._tools = {name: self._make_tools(account) for name, account in self._accounts.items()}
        self._runners = {name: self._runner(name, *found) for name, found in self._instances().items()}
        self._front = Front(self.bus, self.settings, self.number)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._followed: set[str] = set()
        self._subscribe()
        self.bus.serve(ListStrategies, self._list_strategies)
        self.bus.serve(SetStrategyRunning, self._set_running)
        self.bus.serve(SetStrategyParameters, self._set_parameters)
        await self.bus.settled()
        for name, account in self._accounts.items():
            self.spawn(self._learn_account(account), f"account {name}")
        self._start_enabled()
        if self.ends_itself:
            self.spawn(self._stay_alive(), "alive")
        await self._settled_start()

    async def stop(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._last_resort.close()

    def _instances(self) -> dict[str, tuple[StrategyInstance, str]]:
        """The runs of this process: name to what the settings say, and the market."""
        return {
            name: (instance, symbol)
            for name, instance, symbol in runs(self.settings.strategy.instances)
            if instance.process == self.number
        }

    def _traded(self) -> list[str]:
        """The accounts that runs of this process trade.

        Raises:
            StartError: a run names one that there is not.
        """
        runs_of = {instance.account for instance, _ in self._instances().values()}
        known = accounts.names(self.settings)
        for name in sorted(runs_of - set(known)):
            raise StartError(f"A strategy trades the account {name}; there are {', '.join(known)}.")
        return [name for name in known if name in runs_of or name == accounts.MAIN]

    def _make_tools(self, account: Account) -> Tools:
        return Tools(
            bus=self.bus,
            account=account,
            delivery=Delivery(self.bus, account),
            guard=HangGuard(self.settings.strategy.call_timeout_s, self._last_resort.mark),
            past=functools.partial(self._past, account.exchange),
            watch=functools.partial(self._watch, account.exchange),
            history=self.settings.data.history,
            fresh_s=self.settings.data.stale_after_s,
            fees=(self.settings.paper.maker_fee, self.settings.paper.taker_fee),
            process=self.name,
        )

    def _runner(self, name: str, instance: StrategyInstance, symbol: str) -> Runner:
        exchange = self._accounts[instance.account].exchange
        return Runner(
            name,
            Market(instance.strategy, exchange, symbol, instance.timeframe),
            Assignment(
                functools.partial(self._loader.load, instance.strategy),
                instance.parameters,
                instance.mode,
                instance.cash,
            ),
            MemoryFile(self.home.state / "strategy", name),
            self._tools[instance.account],
        )

    def _subscribe(self) -> None:
        for runner in self._runners.values():
            self._follow(runner.market.exchange, runner.own)
        for name, account in self._accounts.items():
            account.follow()
            orders = f"{topics.ORDERS}{topics.of_account(name)}{topics.part(account.exchange)}."
            self.bus.subscribe(topics.fill(account.exchange, name), trade.Fill, self._on_fill)
            self.bus.subscribe(orders, trade.Order, self._on_order)

    def _follow(self, exchange: str, key: FeedKey) -> None:
        topic = topics.candle(*key.at(exchange), key.timeframe)
        if topic not in self._followed:
            self._followed.add(topic)
            self.bus.subscribe(topic, Candle, self._on_candle, shortcut="data")

    def _start_enabled(self) -> None:
        victim = self._last_resort.victim()
        if victim is not None and victim[0] in self._runners:
            self._runners[victim[0]].hung(victim[1])
        waits = self._waits_for_setup()
        for name, (instance, _) in self._instances().items():
            runner = self._runners[name]
            memory = runner.remembered()
            if not instance.enabled:
                runner.reason = "not enabled in the settings"
            elif waits:
                runner.reason = WAITS
            elif memory.stopped:
                runner.reason = "stopped by a person"
            elif memory.hung:
                runner.fail(memory.hung)
            else:
                self._start(name, by_person=False)

    def _waits_for_setup(self) -> bool:
        """In a new home, while nobody has said what shall trade. Settings of one's own are a decision."""
        if self.settings.strategy.instances == StrategySettings().instances:
            return firstrun.pending(self.home)
        firstrun.end(self.home)
        return False

    def _start(self, name: str, *, by_person: bool) -> None:
        runner = self._runners[name]
        if not self._may_start(name, runner):
            return
        runner.state = WARMING_UP
        self._running[name] = asyncio.get_running_loop().create_task(
            runner.run(by_person=by_person), name=f"strategy:{name}"
        )

    def _may_start(self, name: str, runner: Runner) -> bool:
        """The gate before real money (golive.py)."""
        instance, symbol = self._instances()[name]
        found = golive.judge(self.home, self.settings, name.partition("@")[0], instance, symbol)
        if found.override:
            self._audit("service:strategy", "start despite its trust score", name, found.override)
        if found.refusal:
            self._audit("service:strategy", "refuse to go live", name, found.refusal, ok=False)
            runner.fail(found.refusal)
        return not found.refusal

    async def _stay_alive(self) -> None:
        while True:
            self._last_resort.arm()
            await asyncio.sleep(_ASK_AGAIN_S)

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

    async def _past(self, venue: str, key: FeedKey, limit: int, since_ms: int | None) -> list[Candle]:
        """The newest finished candles of a series; waits until data answers."""
        exchange, symbol = key.at(venue)
        wish = ListCandles(
            exchange=exchange,
            symbol=symbol,
            timeframe=key.timeframe,
            limit=min(limit, _MOST_CANDLES),
            since_ms=since_ms,
        )
        while True:
            try:
                return (await self.bus.request("data", wish, Candles)).candles
            except BusTimeoutError as error:
                self.log.warning("data does not answer yet", reason=str(error))
            except RequestFailedError as error:
                if error.code == "unknown_market":
                    # Data was restarted, and has forgotten what was asked for beyond its settings.
                    await self._watch(venue, (key,))
                elif error.code != NOT_SERVED_YET:
                    raise
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _watch(self, venue: str, feeds: tuple[FeedKey, ...]) -> None:
        """Let data follow further series, and follow them here; waits until data and the venue answer.

        Raises:
            RequestFailedError: data cannot have one of them.
        """
        for key in feeds:
            self._follow(venue, key)
            exchange, symbol = key.at(venue)
            wish = WatchCandles(exchange=exchange, symbol=symbol, timeframe=key.timeframe)
            while True:
                try:
                    await self.bus.request("data", wish, Done)
                    break
                except BusTimeoutError as error:
                    self.log.warning("data does not answer yet", reason=str(error))
                except RequestFailedError as error:
                    if error.code not in (NOT_SERVED_YET, _VENUE_AWAY):
                        raise
                    await asyncio.sleep(_ASK_AGAIN_S)
        await self.bus.settled()

    def _on_candle(self, received: Received[Candle]) -> None:
        candle = received.message
        if not candle.closed:
            return
        here = FeedKey(candle.symbol, candle.timeframe)
        elsewhere = FeedKey(f"{candle.exchange}:{candle.symbol}", candle.timeframe)
        for runner in self._runners.values():
            key = here if runner.market.exchange == candle.exchange else elsewhere
            if runner.own == key or key in runner.feeds:
                runner.take(key, candle)

    def _on_fill(self, received: Received[trade.Fill]) -> None:
        fill = received.message
        account = self._accounts.get(fill.account)
        if account is None or account.exchange != fill.exchange:
            return
        account.note_fill(fill)
        for runner in self._runners.values():
            if runner.account == fill.account:
                runner.took_fill(fill)

    def _on_order(self, received: Received[trade.Order]) -> None:
        order = received.message
        for runner in self._runners.values():
            if runner.account == order.account:
                runner.took_order(order)

    async def _list_strategies(self, _request: Request[ListStrategies]) -> Strategies:
        try:
            available = list(self._loader.available())
        except CryptoBotError as error:
            self.log.warning("strategies cannot be listed", reason=str(error))
            available = []
        own = [runner.status() for runner in self._runners.values()]
        return Strategies(strategies=own + await self._front.statuses(), available=available)

    async def _set_running(self, request: Request[SetStrategyRunning]) -> Done:
        wish = request.message
        runner = self._runners.get(wish.name)
        if runner is None:
            return await self._front.forward(wish.name, wish, self._runners)
        if wish.running:
            sentence = self._start_by_person(wish.name, runner)
        else:
            sentence = await self._stop_by_person(wish.name, runner, wish.actor)
        self._audit(wish.actor, "start strategy" if wish.running else "stop strategy", wish.name, sentence)
        return Done(message=sentence)

    async def _set_parameters(self, request: Request[SetStrategyParameters]) -> Done:
        wish = request.message
        runner = self._runners.get(wish.name)
        if runner is None:
            return await self._front.forward(wish.name, wish, self._runners)
        told = ", ".join(f"{key}={value}" for key, value in wish.values.items())
        action = "reset parameters" if wish.reset else "set parameters"
        try:
            runner.change(wish.values, reset=wish.reset)
        except CryptoBotError as error:
            self._audit(wish.actor, action, wish.name, f"{told}: {error}", ok=False)
            raise RequestFailedError("bad_parameter", str(error)) from error
        self._audit(wish.actor, action, wish.name, told)
        when = "from its next candle on" if runner.state in (RUNNING, WARMING_UP) else "when it is started"
        return Done(message=f"Strategy {wish.name} takes {told or 'the parameters of the settings'} {when}.")

    def _audit(self, actor: str, action: str, subject: str, detail: str, *, ok: bool = True) -> None:
        self.bus.publish(
            topics.audit("trading"),
            Audit(kind="trading", actor=actor, action=action, subject=subject, detail=detail, ok=ok),
        )

    def _start_by_person(self, name: str, runner: Runner) -> str:
        if runner.state in (RUNNING, WARMING_UP):
            return f"Strategy {name} runs already."
        self._start(name, by_person=True)
        if name not in self._running:
            return f"Strategy {name} does not start: {runner.reason}."
        firstrun.end(self.home)
        return f"Strategy {name} starts."

    async def _stop_by_person(self, name: str, runner: Runner, actor: str) -> str:
        task = self._running.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        runner.stopped(f"stopped by {actor}")
        return f"Strategy {name} is stopped; its position and orders stay as they are."


def main(home: Home) -> int:
    """Run the strategy service until it is told to stop; CRYPTOBOT_INSTANCE says which process of it."""
    number = int(os.environ.get("CRYPTOBOT_INSTANCE", "1"))
    name = StrategyService.name if number == 1 else f"{StrategyService.name}-{number}"
    own = type("StrategyProcess", (StrategyService,), {"name": name, "number": number, "ends_itself": True})
    return run_service(own, home)
