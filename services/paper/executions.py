"""Executions and what they do to money and orders; the base of the matching engine.

Everything that happened is put into `changes`, in order; the owner takes them, stores them, and tells people.
"""

from collections.abc import Iterable

from . import orders as o
from . import units
from .accounts import Balances
from .arithmetic import cost_at
from .book import Level, Market, opposite
from .changes import Changes, Fees, Report
from .lists import Lists
from .orders import Order, PublicTrade, RefusedError, Trade
from .rules import Rules


class Executions:
    """The markets, balances and open orders of the exchange, and how an execution is booked."""

    lists: Lists

    def __init__(self, rules: Iterable[Rules], fees: Fees, queue: bool = False) -> None:
        self.markets = {r.symbol: Market(r, queue=queue) for r in rules}
        self.balances = Balances()
        self.fees = fees
        self.open_orders: dict[int, Order] = {}
        self.changes = Changes()
        self.next_order_id = 1
        self.next_trade_id = 1
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

    def _pays(self, rules: Rules, side: str) -> str:
        return rules.quote if side == o.BUY else rules.base

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

    def _report(self, kind: str, order: Order, trade: Trade | None, now_ms: int, cancel_id: str = "") -> None:
        self.changes.orders[order.order_id] = order
        self.changes.reports.append(Report(kind, order.copy(), trade, now_ms, cancel_id))

    def _fill_maker(self, market: Market, maker: Order, quantity: int, now_ms: int) -> None:
        self._print(market, maker.price, quantity, maker.side == o.BUY, now_ms)
        self._book(market, maker, maker.price, quantity, True, now_ms)
        self._house_side(market.rules, maker.side, maker.price, quantity)
        if not maker.open:
            market.remove(maker)
