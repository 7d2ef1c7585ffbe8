"""What an author may do in one market: look at the position, buy, sell, amend, cancel."""

from decimal import Decimal

from ...configs.errors import StrategyError
from .values import Money, Order, Position, Wish, World, money


class Trader:
    """One market as a strategy trades it: the strategy itself is one for its own market."""

    _world: World
    _market: str = ""
    """"" is the strategy's own market."""

    def _last_close(self) -> float:
        """Close of the newest finished candle of this market."""
        raise NotImplementedError

    def _usual_share(self) -> Money:
        """Share of the free money that a buy() without a size spends."""
        raise NotImplementedError

    def _refuse_elsewhere(self) -> None:
        """Raises StrategyError for a market that can only be read."""

    @property
    def position(self) -> Position:
        """What this strategy holds in this market."""
        return self._world.position(self._market)

    @property
    def cash(self) -> Decimal:
        """Free money in quote units."""
        return self._world.cash(self._market)

    @property
    def working(self) -> int:
        """Orders of this strategy in this market that are neither filled nor ended."""
        return self._world.working(self._market)

    @property
    def orders(self) -> list[Order]:
        """Those orders, oldest first."""
        return self._world.resting(self._market)

    def buy(
        self,
        amount: Money | None = None,
        *,
        cash: Money | None = None,
        fraction: float | None = None,
        limit: Money | None = None,
        trigger: Money | None = None,
        stop: Money | None = None,
        take: Money | None = None,
        reason: str = "",
    ) -> None:
        """Buy, at the market or with a limit.

        The size is given as `amount` in base units, as `cash` in quote units, or as a `fraction` of the
        free money (the parameter `fraction` when nothing is given). Money is turned into an amount at the
        limit, the trigger or the candle's close; fees come on top, and the amount is rounded down to the
        market's step. With `trigger` the order waits until the price rises to it. `stop` and `take` make
        it a bracket: what was bought is sold when the price falls to `stop` or rises to `take`, whichever
        comes first.

        Raises:
            StrategyError: more than one size, a number that is not above zero, or a bracket the wrong
            way round; or the market is on another venue, which can only be read.
        """
        self._refuse_elsewhere()
        if (amount is not None) + (cash is not None) + (fraction is not None) > 1:
            raise StrategyError("buy() takes one of amount, cash and fraction, not several.")
        price = None if limit is None else money("limit", limit)
        waits = None if trigger is None else money("trigger", trigger)
        if amount is not None:
            size = money("amount", amount)
        else:
            if cash is not None:
                spend = money("cash", cash)
            else:
                share = money("fraction", self._usual_share() if fraction is None else fraction)
                spend = self._world.cash(self._market) * share
            size = spend / (price or waits or Decimal(repr(self._last_close())))
        if stop is None and take is None:
            self._world.order(Wish("buy", size, price, False, reason, self._market, None, None, waits))
            return
        guard, goal = _bracket(stop, take)
        self._world.order(Wish("buy", size, price, False, reason, self._market, guard, goal, waits))

    def sell(
        self,
        amount: Money | None = None,
        *,
        fraction: float | None = None,
        limit: Money | None = None,
        trigger: Money | None = None,
        reason: str = "",
    ) -> None:
        """Sell an amount in base units, or a fraction of the position; the whole position when nothing is
        given. With `trigger` the order waits until the price falls to it.

        Never sells more than is held. Does nothing when nothing is held.
        """
        if amount is not None and fraction is not None:
            raise StrategyError("sell() takes amount or fraction, not both.")
        held = self._world.position(self._market).amount
        if held <= 0:
            return
        size = held if amount is None else min(held, money("amount", amount))
        if fraction is not None:
            size = held * min(Decimal(1), money("fraction", fraction))
        price = None if limit is None else money("limit", limit)
        waits = None if trigger is None else money("trigger", trigger)
        self._world.order(Wish("sell", size, price, True, reason, self._market, None, None, waits))

    def close(self, reason: str = "") -> None:
        """Sell the whole position at the market. Does nothing when nothing is held."""
        self.sell(reason=reason)

    def cancel(self, order: Order | None = None) -> None:
        """Take back one resting order, or all of this strategy's in this market."""
        self._world.cancel(self._market, "" if order is None else order.id)

    def amend(self, order: Order, *, limit: Money | None = None, amount: Money | None = None) -> None:
        """Change a resting order's limit, or what is still to be filled of it, or both.

        It is taken back and asked for anew, so it loses its place in the queue. Does nothing when it has
        ended meanwhile.

        Raises:
            StrategyError: nothing to change is given, or a number is not above zero.
        """
        if limit is None and amount is None:
            raise StrategyError("amend() takes limit, amount or both.")
        price = order.limit if limit is None else money("limit", limit)
        size = None if amount is None else money("amount", amount)
        known = next((one for one in self._world.resting(self._market) if one.id == order.id), None)
        if known is None:
            return
        self._world.order(
            Wish(
                known.side,
                known.amount - known.filled if size is None else size,
                price,
                known.side == "sell",
                "amended",
                self._market,
                trigger=known.trigger,
                replaces=known.id,
            )
        )


def _bracket(stop: Money | None, take: Money | None) -> tuple[Decimal | None, Decimal | None]:
    guard = None if stop is None else money("stop", stop)
    goal = None if take is None else money("take", take)
    if guard is not None and goal is not None and guard >= goal:
        raise StrategyError(f"stop {guard} must lie below take {goal}.")
    return guard, goal
