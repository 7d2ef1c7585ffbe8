"""A run whose lines are computed candle by candle, as the strategy service computes them.

It is the slow twin of the engine: `strategy check` and the tests compare the two.
"""

from collections.abc import Mapping
from decimal import localcontext
from typing import Any

from ..data.columns import NAMES
from ..data.files import Series
from ..strategy.base import Candle, Strategy
from ..strategy.graph import Live, Plan, due
from .engine import MONEY, Around, Engine, candle_of
from .orders import Execution
from .run import BARE, Surroundings
from .series_feed import queues
from .sources import further
from .world import Rules, SimulatedWorld


class StreamedEngine(Engine):
    """The engine's venue, fed one candle after the other."""

    def follow(self, live: Live) -> None:
        """From the first candle to the last."""
        strategy, world = self._strategy, self._world
        strategy.__dict__.pop("_view")
        strategy.__dict__["_newest"] = live
        shown = queues(self._others, self._plan.candle_ms, self._candles)
        columns = (getattr(self._candles, name).tolist() for name in ("open_ms", *NAMES))
        for index, row in enumerate(zip(*columns, strict=True)):
            candle = Candle(*row)
            before = len(world.executions)
            if world.own.orders or self._busy():
                self._pay_funding(index)
                self._depth.work(index)
            for key, ends in shown.items():
                for at in range(ends[index], ends[index + 1]):
                    live.push_other(key, candle_of(self._others[key], at))
            wakes = live.push(candle)
            strategy.__dict__.update(live.attributes(), candle=candle)
            self._view.clock.at = index
            self._told_of(before, candle)
            if index >= self._first:
                self._decide(candle, wakes, live)
            if world.wishes:
                self._place(index)

    def _told_of(self, before: int, candle: Candle) -> None:
        if self._tells:
            self._tell_each(before, candle)
        self._world.ended.clear()

    def _decide(self, candle: Candle, wakes: bool, live: Live) -> None:
        for name in due(self._plan.schedules, candle.open_ms, self._plan.candle_ms):
            getattr(self._strategy, name)()
        asked = wakes if self._plan.called is None else bool(live.at(self._plan.called))
        if asked:
            self._strategy.on_candle(candle)


def candle_by_candle(
    owner: type[Strategy],
    parameters: Mapping[str, object],
    series: Series,
    rules: Rules,
    surroundings: Surroundings = BARE,
) -> list[Execution]:
    """The executions of a run whose lines are computed live, not over columns."""
    strategy: Any = owner(parameters)
    market = series.symbol or "BTC/USDT"
    plan = Plan(owner, strategy._parameters, series.timeframe, market)
    others = further(plan.feeds, plan.own, series.columns, surroundings.others)
    markets = tuple(dict.fromkeys(key.symbol for key in plan.feeds if key.symbol != market))
    world = SimulatedWorld(market, series.timeframe, rules, markets)
    around = Around(others, surroundings.depth(), surroundings.funding)
    engine = StreamedEngine(strategy, plan, series.columns, world, None, around)
    with localcontext(MONEY):
        strategy.on_start()
        engine.follow(Live(plan))
    return world.executions
