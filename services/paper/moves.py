"""The market trades at a new price: resting orders that it reaches are filled, stops are triggered."""

from . import orders as o
from . import trailing, units
from .arithmetic import better, cost, reached
from .book import Market, crosses, opposite
from .executions import Executions
from .orders import Order
from .rules import Rules


class PriceMoves(Executions):
    """How orders meet the book, and what happens when the price moves."""

    # working

    def _work(self, market: Market, order: Order, now_ms: int) -> None:
        """Match an order that has just become active, and rest or expire what is left."""
        at_market = order.type in (o.MARKET, o.STOP_LOSS, o.TAKE_PROFIT)
        immediate = at_market or order.time_in_force in (o.IOC, o.FOK)
        fillable = order.time_in_force != o.FOK or self._fillable(market, order)
        if fillable:
            self._take(market, order, now_ms)
        if not order.open:
            return
        if immediate:
            self._finish(order, o.EXPIRED, "EXPIRED", now_ms)
        else:
            market.rest(order)

    def _fillable(self, market: Market, order: Order) -> bool:
        limit = order.price if order.type in o.PRICED else 0
        return sum(level.quantity for level in market.available(order.side, limit)) >= order.remaining

    def _take(self, market: Market, taker: Order, now_ms: int) -> None:
        """Walk the book until the order is done or nothing crosses."""
        side = opposite(taker.side)
        limit = taker.price if taker.type in o.PRICED else 0
        while taker.open:
            level, maker = market.best_synthetic(side), market.best_resting(side)
            use_level = level is not None and (maker is None or not better(side, maker.price, level.price))
            price = level.price if use_level and level else maker.price if maker else 0
            if not price or not crosses(taker.side, limit, price):
                return
            wanted = self._wanted(market.rules, taker, price)
            if wanted <= 0:
                return
            if use_level and level:
                self._fill_synthetic(market, taker, level, min(wanted, level.quantity), now_ms)
            elif maker and not self._prevented(market, taker, maker, now_ms):
                self._fill_pair(market, taker, maker, min(wanted, maker.remaining), now_ms)

    def _wanted(self, rules: Rules, taker: Order, price: int) -> int:
        """Base units that a taker still wants at this price; at the market it can spend what it holds."""
        if taker.side == o.SELL or taker.type in o.PRICED:
            return taker.remaining
        return min(taker.remaining, units.floor(taker.locked * units.UNIT // price, rules.step))

    def _prevented(self, market: Market, taker: Order, maker: Order, now_ms: int) -> bool:
        """Self-trade prevention: expires one order or both instead of trading with oneself."""
        if taker.account != maker.account or taker.stp == "NONE":
            return False
        if taker.stp in ("EXPIRE_MAKER", "EXPIRE_BOTH"):
            market.remove(maker)
            self._finish(maker, o.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        if taker.stp in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
            self._finish(taker, o.EXPIRED_IN_MATCH, "TRADE_PREVENTION", now_ms)
        return True

    # the price moves

    def step(
        self, symbol: str, price: int, volume: int, seller: bool, depth: int, seed: int, now_ms: int
    ) -> None:
        """The market trades at a new price.

        Args:
            price: of the recorded trade, in units.
            volume: that changes hands in this step; resting orders that the price has reached share it.
            seller: the aggressor of this step sells.
            depth: recorded volume of the whole candle, which sizes the synthetic book.
            seed: of the synthetic sizes.
        """
        market = self.markets[symbol]
        market.show([], [])
        self._sweep(market, price, volume, seller, now_ms)
        market.quote(price, depth, seed)
        for side in o.SIDES:
            self._meet(market, side, now_ms)
        self._trigger(market, now_ms)
        self.lists.work_due(now_ms)

    def trade(self, symbol: str, price: int, volume: int, seller: bool, now_ms: int) -> None:
        """A recorded trade, where the recorded book comes separately (`show`)."""
        market = self.markets[symbol]
        self._sweep(market, price, volume, seller, now_ms)
        market.last = price
        self._trigger(market, now_ms)
        self.lists.work_due(now_ms)

    def show(
        self, symbol: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ms: int
    ) -> None:
        """A recorded order book: (price, quantity), best first."""
        market = self.markets[symbol]
        market.show(bids, asks)
        market.shorten_queues()
        for side in o.SIDES:
            self._meet(market, side, now_ms)
        self.lists.work_due(now_ms)

    def _sweep(self, market: Market, price: int, volume: int, seller: bool, now_ms: int) -> None:
        """The recorded aggressor meets the customers' orders at their prices, then everybody else's."""
        side = o.BUY if seller else o.SELL
        others = 0
        while volume > others:
            maker = market.best_resting(side)
            if maker is None or not crosses(side, maker.price, price):
                break
            if maker.ahead and maker.price == price:
                others += volume - others - market.pass_queue(side, price, volume - others)
                continue
            quantity = min(volume - others, maker.remaining)
            self._fill_maker(market, maker, quantity, now_ms)
            volume -= quantity
        if volume:
            self._print(market, price, volume, seller, now_ms)

    def _meet(self, market: Market, side: str, now_ms: int) -> None:
        """Synthetic orders that would cross a customer's order trade with it, at the customer's price."""
        levels = market.synthetic[opposite(side)]
        while levels:
            maker = market.best_resting(side)
            if maker is None or not crosses(side, maker.price, levels[0].price):
                return
            quantity = min(levels[0].quantity, maker.remaining)
            self._fill_maker(market, maker, quantity, now_ms)
            levels[0].quantity -= quantity
            if levels[0].quantity <= 0:
                levels.pop(0)

    def _trigger(self, market: Market, now_ms: int) -> None:
        """Stops that the price has reached become active, the oldest first."""
        for order in list(market.stops):
            if not order.open or not self._is_due(order, market.last, now_ms):
                continue
            market.remove(order)
            order.triggered, order.working_ms, order.updated_ms = True, now_ms, now_ms
            self._sequence += 1
            order.sequence = self._sequence
            self._report("NEW", order, None, now_ms)
            if order.list_id >= 0:
                self.lists.activate(order, now_ms)
            if self._afford(market, order):
                self._work(market, order, now_ms)
            else:
                self._finish(order, o.EXPIRED, "EXPIRED", now_ms)

    def _is_due(self, order: Order, last: int, now_ms: int) -> bool:
        """Whether the price triggers a stop; a trailing one follows it until then."""
        if not order.trailing_delta:
            return reached(order.type, order.side, order.stop_price, last)
        if order.extreme or reached(order.type, order.side, order.stop_price, last) or not order.stop_price:
            if trailing.came_back(order, last):
                return True
            if trailing.follow(order, last, now_ms):
                self.changes.orders[order.order_id] = order
        return False

    def _afford(self, market: Market, order: Order) -> bool:
        """A stop that buys at the market needs what the book asks now, which may be more than it held."""
        if order.type in o.PRICED or order.side == o.SELL:
            return True
        more = cost(market.available(o.BUY, 0), order.quantity) - order.locked
        if more > self.balances.free(order.account, market.rules.quote):
            return False
        if more > 0:
            self.hold(order, more)
        return True
