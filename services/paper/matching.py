"""The matching engine: orders in, trades out. No clock, file or socket: the same calls give the same trades.

Everything that happened is put into `changes`, in order; the owner takes them, stores them, and tells people.
"""

from collections.abc import Iterable

from . import admission, units
from . import orders as o
from .accounts import Balances
from .arithmetic import better, cost, cost_at, reached
from .book import Level, Market, crosses, opposite
from .changes import Changes, Fees, Report
from .lists import Lists
from .orders import NewOrder, Order, PublicTrade, RefusedError, Trade
from .rules import Rules


class Engine:
    """All markets and accounts of the exchange."""

    def __init__(self, rules: Iterable[Rules], fees: Fees, queue: bool = False) -> None:
        self.markets = {r.symbol: Market(r, queue=queue) for r in rules}
        self.balances = Balances()
        self.fees = fees
        self.open_orders: dict[int, Order] = {}
        self.changes = Changes()
        self.next_order_id = 1
        self.next_trade_id = 1
        self.lists = Lists(self)
        self._sequence = 0

    def take_changes(self) -> Changes:
        """Everything since the last call."""
        taken, self.changes = self.changes, Changes()
        return taken

    def market(self, symbol: str) -> Market:
        """Raises RefusedError (-1121) for a market that is not there."""
        found = self.markets.get(symbol)
        if found is None:
            raise RefusedError(-1121, "Invalid symbol.")
        return found

    def restore(self, order: Order) -> None:
        """Put an open order of the last life back."""
        self._sequence = max(self._sequence, order.sequence)
        self.open_orders[order.order_id] = order
        market = self.market(order.symbol)
        if order.status == o.PENDING_NEW:
            return
        if order.waiting:
            market.stops.append(order)
        else:
            market.rest(order)

    def find_open(self, account: str, symbol: str, order_id: int, client_id: str) -> Order | None:
        """An open order by the exchange's number or the client's name; given both, both must agree."""
        if order_id:
            order = self.open_orders.get(order_id)
            if order is None or order.account != account or order.symbol != symbol:
                return None
            return order if not client_id or order.client_id == client_id else None
        mine = (x for x in self.open_orders.values() if x.account == account and x.symbol == symbol)
        return next((order for order in mine if order.client_id == client_id), None)

    # placing

    def check(self, account: str, request: NewOrder, funds: bool = True) -> None:
        """Everything that `place` refuses for, without placing (order/test)."""
        market = self.market(request.symbol)
        mine = [x for x in self.open_orders.values() if x.account == account and x.symbol == request.symbol]
        admission.check(market, request, mine)
        if funds and self.free_to_pay(account, request) < self.needs(request):
            raise RefusedError(-2010, "Account has insufficient balance for requested action.")

    def place(self, account: str, request: NewOrder, now_ms: int) -> Order:
        """Take an order, match it, and rest what is left if its kind rests.

        Raises:
            RefusedError: with Binance's code; nothing has changed.
        """
        self.check(account, request)
        order = self.admit(account, request, self.needs(request), -1, now_ms)
        self.lists.work_due(now_ms)
        return order

    def admit(self, account: str, request: NewOrder, locked: int, list_id: int, now_ms: int) -> Order:
        """Take an order that was checked; it holds `locked` of what it pays with."""
        market = self.market(request.symbol)
        order = self._accept(account, market, request, locked, list_id, now_ms)
        self._report("NEW", order, None, now_ms)
        if order.waiting:
            market.stops.append(order)
        else:
            self._work(market, order, now_ms)
        return order

    def admit_pending(self, account: str, request: NewOrder, list_id: int, now_ms: int) -> Order:
        """Take an order that waits for another; it holds nothing and is in no book."""
        order = self._accept(account, self.market(request.symbol), request, 0, list_id, now_ms)
        order.status, order.working_ms = o.PENDING_NEW, -1
        self._report("NEW", order, None, now_ms)
        return order

    def start_pending(self, order: Order, locked: int, now_ms: int) -> None:
        """Bring an order to the market that waited for another; it holds `locked` from now on."""
        market = self.market(order.symbol)
        self._sequence += 1
        order.status, order.sequence, order.updated_ms = o.NEW, self._sequence, now_ms
        order.working_ms = -1 if order.type in o.TRIGGERED else now_ms
        self.hold(order, locked)
        self._report("NEW", order, None, now_ms)
        if order.waiting:
            market.stops.append(order)
        else:
            self._work(market, order, now_ms)

    def refuse_pending(self, order: Order, now_ms: int) -> None:
        """End an order that cannot come to the market although its time has come."""
        self._finish(order, o.REJECTED, "REJECTED", now_ms)

    def _accept(
        self, account: str, market: Market, request: NewOrder, locked: int, list_id: int, now_ms: int
    ) -> Order:
        self._sequence += 1
        order = Order(
            order_id=self.next_order_id, account=account, symbol=request.symbol,
            client_id=request.client_id or f"paper-{self.next_order_id}", side=request.side,
            type=request.type, time_in_force=request.time_in_force,
            quantity=admission.quantity(market, request), quote_quantity=request.quote_quantity,
            price=request.price, stop_price=request.stop_price, created_ms=now_ms, updated_ms=now_ms,
            locked=locked, sequence=self._sequence,
            list_id=list_id, stp=request.stp, iceberg=request.iceberg,
            working_ms=-1 if request.type in o.TRIGGERED else now_ms,
        )  # fmt: skip
        self.balances.lock(account, self._pays(market.rules, order.side), locked)
        self.next_order_id += 1
        self.open_orders[order.order_id] = order
        return order

    def _pays(self, rules: Rules, side: str) -> str:
        return rules.quote if side == o.BUY else rules.base

    def free_to_pay(self, account: str, request: NewOrder) -> int:
        """What the account has free of the asset that the order pays with."""
        return self.balances.free(account, self._pays(self.market(request.symbol).rules, request.side))

    def needs(self, request: NewOrder) -> int:
        """What the order must lock of the asset it pays with."""
        return admission.needs(self.market(request.symbol), request)

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

    # fills

    def _fill_synthetic(self, market: Market, order: Order, level: Level, quantity: int, now_ms: int) -> None:
        self._print(market, level.price, quantity, order.side == o.SELL, now_ms)
        self._book(market, order, level.price, quantity, False, now_ms)
        self._house_side(market.rules, order.side, level.price, quantity)
        level.quantity -= quantity
        if level.quantity <= 0:
            market.synthetic[opposite(order.side)].pop(0)

    def _fill_pair(self, market: Market, taker: Order, maker: Order, quantity: int, now_ms: int) -> None:
        price = maker.price
        self._print(market, price, quantity, taker.side == o.SELL, now_ms)
        self._book(market, maker, price, quantity, True, now_ms)
        self._book(market, taker, price, quantity, False, now_ms)
        if not maker.open:
            market.remove(maker)

    def _print(self, market: Market, price: int, quantity: int, buyer_maker: bool, now_ms: int) -> None:
        line = PublicTrade(self.next_trade_id, market.rules.symbol, price, quantity, buyer_maker, now_ms)
        self.next_trade_id += 1
        market.tape.append(line)
        self.changes.tape.append(line)

    def _book(
        self, market: Market, order: Order, price: int, quantity: int, maker: bool, now_ms: int
    ) -> None:
        """One side of an execution: money, order, report. It has the number of the line just printed."""
        if order.list_id >= 0:
            self.lists.activate(order, now_ms)
        rules, value = market.rules, units.multiply(price, quantity)
        bought = order.side == o.BUY
        rate = self.fees.maker if maker else self.fees.taker
        received = quantity if bought else value
        fee, asset = units.multiply(received, rate), rules.base if bought else rules.quote
        held = cost_at(order.price or order.stop_price, quantity) if bought and order.type in o.PRICED else 0
        spent = value if bought else quantity
        self.balances.spend_locked(order.account, self._pays(rules, order.side), spent)
        order.locked -= spent
        if held > spent:
            self._release(order, held - spent)
        self.balances.receive(order.account, asset, received, fee)
        order.executed += quantity
        order.executed_quote += value
        order.updated_ms = now_ms
        done = order.executed >= order.quantity
        order.status = o.FILLED if done else o.PARTIALLY_FILLED
        trade = Trade(
            self.next_trade_id - 1, order.order_id, order.list_id, order.account, order.symbol, order.side,
            price, quantity, value, fee, asset, maker, now_ms,
        )  # fmt: skip
        self.changes.trades.append(trade)
        if done:
            self._close(order)
        self._report("TRADE", order, trade, now_ms)

    def _house_side(self, rules: Rules, side: str, price: int, quantity: int) -> None:
        """The counterparty of a customer's execution against a synthetic order."""
        sign = 1 if side == o.BUY else -1
        self.balances.house_receives(rules.quote, sign * units.multiply(price, quantity))
        self.balances.house_receives(rules.base, -sign * quantity)

    def _release(self, order: Order, amount: int) -> None:
        rules = self.markets[order.symbol].rules
        self.balances.unlock(order.account, self._pays(rules, order.side), amount)
        order.locked -= amount

    def hold(self, order: Order, amount: int) -> None:
        """Lock more for an order.

        Raises:
            RefusedError: not so much is free.
        """
        asset = self._pays(self.markets[order.symbol].rules, order.side)
        self.balances.lock(order.account, asset, amount)
        order.locked += amount

    def _close(self, order: Order) -> None:
        if order.locked:
            self._release(order, order.locked)
        self.open_orders.pop(order.order_id, None)
        if order.list_id >= 0:
            self.lists.ended(order)

    def _finish(self, order: Order, status: str, kind: str, now_ms: int, cancel_id: str = "") -> None:
        order.status, order.updated_ms = status, now_ms
        self._close(order)
        self._report(kind, order, None, now_ms, cancel_id)

    def _report(
        self, kind: str, order: Order, trade: Trade | None, now_ms: int, cancel_id: str = ""
    ) -> None:
        self.changes.orders[order.order_id] = order
        self.changes.reports.append(Report(kind, order.copy(), trade, now_ms, cancel_id))

    # cancelling

    def cancel(self, order: Order, now_ms: int, cancel_id: str = "") -> None:
        """End an open order, and the list that it belongs to; what they held is free again."""
        if order.list_id >= 0:
            self.lists.canceled(order, now_ms, cancel_id)
        self.cancel_alone(order, o.CANCELED, now_ms, cancel_id)
        self.lists.work_due(now_ms)

    def cancel_alone(self, order: Order, status: str, now_ms: int, cancel_id: str) -> None:
        """End one open order; what it held is free again."""
        self.markets[order.symbol].remove(order)
        kind = "CANCELED" if status == o.CANCELED else "EXPIRED"
        self._finish(order, status, kind, now_ms, cancel_id)

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

    def _fill_maker(self, market: Market, maker: Order, quantity: int, now_ms: int) -> None:
        self._print(market, maker.price, quantity, maker.side == o.BUY, now_ms)
        self._book(market, maker, maker.price, quantity, True, now_ms)
        self._house_side(market.rules, maker.side, maker.price, quantity)
        if not maker.open:
            market.remove(maker)

    def _trigger(self, market: Market, now_ms: int) -> None:
        """Stops that the price has reached become active, the oldest first."""
        for order in list(market.stops):
            if not order.open or not reached(order.type, order.side, order.stop_price, market.last):
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
