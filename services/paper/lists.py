"""Order lists of the matching engine: one cancels the other (OCO).

The orders of an OCO share their money: the second holds only what it needs beyond the first. When one trades
or is triggered, the others expire first, and what they held is there for it.
"""

from typing import Protocol

from . import orders as o
from .arithmetic import cost_at
from .book import Market
from .changes import Changes
from .orders import NewOrder, Order, OrderList, RefusedError

MAX_LISTS = 20


class Orders(Protocol):
    """The part of the matching engine that lists need."""

    open_orders: dict[int, Order]
    changes: Changes

    def market(self, symbol: str) -> Market: ...
    def check(self, account: str, request: NewOrder, funds: bool = True) -> None: ...
    def needs(self, request: NewOrder) -> int: ...
    def free_to_pay(self, account: str, request: NewOrder) -> int: ...
    def admit(self, account: str, request: NewOrder, locked: int, list_id: int, now_ms: int) -> Order: ...
    def cancel_alone(self, order: Order, status: str, now_ms: int, cancel_id: str) -> None: ...
    def hold(self, order: Order, amount: int) -> None: ...


class Lists:
    """All order lists that are not done."""

    def __init__(self, engine: Orders) -> None:
        self._engine = engine
        self.open: dict[int, OrderList] = {}
        self.next_id = 1

    def restore(self, order_list: OrderList) -> None:
        """Put an open list of the last life back."""
        self.open[order_list.list_id] = order_list

    def find(self, account: str, list_id: int, client_id: str) -> OrderList | None:
        """An open list by its number or the client's name."""
        mine = (found for found in self.open.values() if found.account == account)
        if client_id:
            return next((found for found in mine if found.client_id == client_id), None)
        return next((found for found in mine if found.list_id == list_id), None)

    def place(self, account: str, above: NewOrder, below: NewOrder, client_id: str, now_ms: int) -> OrderList:
        """Place both orders of an OCO or neither.

        Raises:
            RefusedError: with Binance's code; nothing has changed.
        """
        engine = self._engine
        if self.find(account, 0, client_id) or above.client_id == below.client_id != "":
            raise RefusedError(-2010, "Duplicate order sent.")
        if sum(x.account == account and x.symbol == above.symbol for x in self.open.values()) >= MAX_LISTS:
            raise RefusedError(-1013, "Filter failure: MAX_NUM_ORDER_LISTS")
        self._relation(above, below)
        for request in (above, below):
            engine.check(account, request, funds=False)
        first, second = (above, below) if above.type == o.LIMIT_MAKER else (below, above)
        needs = [engine.needs(first), engine.needs(second)]
        if engine.free_to_pay(account, first) < max(needs):
            raise RefusedError(-2010, "Account has insufficient balance for requested action.")
        held = [needs[0], max(0, needs[1] - needs[0])]
        name = client_id or f"paper-list-{self.next_id}"
        order_list = OrderList(self.next_id, account, above.symbol, "OCO", name, [], [], now_ms)
        self.next_id += 1
        self.open[order_list.list_id] = order_list
        for request, locked in zip((first, second), held, strict=True):
            order = engine.admit(account, request, locked, order_list.list_id, now_ms)
            order_list.order_ids.append(order.order_id)
            order_list.client_ids.append(order.client_id)
        engine.changes.lists[order_list.list_id] = order_list
        return order_list

    def _relation(self, above: NewOrder, below: NewOrder) -> None:
        """The prices must stand on the two sides of the market."""
        last = self._engine.market(above.symbol).last
        high = above.price if above.type == o.LIMIT_MAKER else above.stop_price
        low = below.price if below.type == o.LIMIT_MAKER else below.stop_price
        if not low < last < high:
            raise RefusedError(-2010, "The relationship of the prices for the orders is not correct.")

    def activate(self, order: Order, now_ms: int) -> None:
        """An order of a list trades or is triggered: the others expire, and it holds all that it needs."""
        engine = self._engine
        for other in self._others(order):
            engine.cancel_alone(other, o.EXPIRED, now_ms, "")
        need = order.remaining if order.side == o.SELL else 0
        if order.side == o.BUY:
            need = cost_at(order.price or order.stop_price, order.remaining)
        if need > order.locked:
            engine.hold(order, need - order.locked)

    def canceled(self, order: Order, now_ms: int, cancel_id: str) -> None:
        """A customer cancels one order of a list: the others go with it."""
        for other in self._others(order):
            self._engine.cancel_alone(other, o.CANCELED, now_ms, cancel_id)

    def ended(self, order: Order) -> None:
        """An order of a list is done; the list is when all are."""
        order_list = self.open.get(order.list_id)
        if order_list is None:
            return
        if not any(number in self._engine.open_orders for number in order_list.order_ids):
            order_list.status = o.ALL_DONE
            del self.open[order_list.list_id]
            self._engine.changes.lists[order_list.list_id] = order_list

    def _others(self, order: Order) -> list[Order]:
        order_list = self.open.get(order.list_id)
        if order_list is None:
            return []
        found = (self._engine.open_orders.get(number) for number in order_list.order_ids)
        return [other for other in found if other is not None and other.order_id != order.order_id]
