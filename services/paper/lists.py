"""Order lists of the matching engine: one cancels the other (OCO), one triggers the other (OTO), and both
(OTOCO).

The orders of an OCO share their money: the second holds only what it needs beyond the first. When one trades
or is triggered, the others expire first, and what they held is there for it. The pending orders of an OTO
hold nothing until the working one is filled whole; what they need must be there then.
"""

from dataclasses import replace
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
    def admit_pending(self, account: str, request: NewOrder, list_id: int, now_ms: int) -> Order: ...
    def start_pending(self, order: Order, locked: int, now_ms: int) -> None: ...
    def refuse_pending(self, order: Order, now_ms: int) -> None: ...


class Lists:
    """All order lists that are not done."""

    def __init__(self, engine: Orders) -> None:
        self._engine = engine
        self.open: dict[int, OrderList] = {}
        self.next_id = 1
        self._due: list[tuple[OrderList, Order]] = []

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
        self._admit(account, client_id, (above, below))
        self._relation(above, below)
        for request in (above, below):
            engine.check(account, request, funds=False)
        first, second = (above, below) if above.type == o.LIMIT_MAKER else (below, above)
        needs = [engine.needs(first), engine.needs(second)]
        if engine.free_to_pay(account, first) < max(needs):
            raise RefusedError(-2010, "Account has insufficient balance for requested action.")
        held = [needs[0], max(0, needs[1] - needs[0])]
        order_list = self._begin(account, above.symbol, "OCO", client_id, now_ms)
        for request, locked in zip((first, second), held, strict=True):
            _join(order_list, engine.admit(account, request, locked, order_list.list_id, now_ms))
        return order_list

    def place_after(
        self, account: str, working: NewOrder, pending: tuple[NewOrder, ...], client_id: str, now_ms: int
    ) -> OrderList:
        """Place an order, and one or two more that wait until it is filled whole (OTO, OTOCO).

        Args:
            pending: one order, or the one above and the one below of an OCO.

        Raises:
            RefusedError: with Binance's code; nothing has changed.
        """
        engine = self._engine
        self._admit(account, client_id, (working, *pending))
        engine.check(account, working)
        for request in pending:
            engine.market(request.symbol).rules.check(request, engine.market(request.symbol).last)
        order_list = self._begin(account, working.symbol, "OTO", client_id, now_ms)
        waiting = [
            engine.admit_pending(account, request, order_list.list_id, now_ms) for request in pending
        ]
        order = engine.admit(account, working, engine.needs(working), order_list.list_id, now_ms)
        order_list.working_id = order.order_id
        for member in (order, *waiting):
            _join(order_list, member)
        if not order.open:
            self._due.append((order_list, order))
        return order_list

    def _admit(self, account: str, client_id: str, requests: tuple[NewOrder, ...]) -> None:
        names = [request.client_id for request in requests if request.client_id]
        if self.find(account, 0, client_id) or len(set(names)) < len(names):
            raise RefusedError(-2010, "Duplicate order sent.")
        symbol = requests[0].symbol
        if sum(x.account == account and x.symbol == symbol for x in self.open.values()) >= MAX_LISTS:
            raise RefusedError(-1013, "Filter failure: MAX_NUM_ORDER_LISTS")

    def _begin(self, account: str, symbol: str, kind: str, client_id: str, now_ms: int) -> OrderList:
        name = client_id or f"paper-list-{self.next_id}"
        order_list = OrderList(self.next_id, account, symbol, kind, name, [], [], now_ms)
        self.next_id += 1
        self.open[order_list.list_id] = order_list
        self._engine.changes.lists[order_list.list_id] = order_list
        return order_list

    def _relation(self, above: NewOrder, below: NewOrder) -> None:
        """The prices must stand on the two sides of the market."""
        last = self._engine.market(above.symbol).last
        high = above.price if above.type == o.LIMIT_MAKER else above.stop_price
        low = below.price if below.type == o.LIMIT_MAKER else below.stop_price
        if (above.trailing_delta and not high) or (below.trailing_delta and not low):
            # A trailing stop without a price of its own stands where the market is: nothing to compare.
            high, low = high or last + 1, low or last - 1
        if not low < last < high:
            raise RefusedError(-2010, "The relationship of the prices for the orders is not correct.")

    def activate(self, order: Order, now_ms: int) -> None:
        """An order of a list trades or is triggered: the others expire, and it holds all that it needs."""
        engine = self._engine
        order_list = self.open.get(order.list_id)
        if order_list is None or (order_list.kind == "OTO" and order_list.working_id in (0, order.order_id)):
            return
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
        if order.order_id == order_list.working_id:
            self._due.append((order_list, order))
        if not any(number in self._engine.open_orders for number in order_list.order_ids):
            order_list.status = o.ALL_DONE
            del self.open[order_list.list_id]
            self._engine.changes.lists[order_list.list_id] = order_list

    def work_due(self, now_ms: int) -> None:
        """Begin what waited for orders that ended; called when matching is at rest."""
        while self._due:
            order_list, working = self._due.pop(0)
            waiting = [order for order in self._members(order_list) if order.status == o.PENDING_NEW]
            if working.status != o.FILLED:
                for order in waiting:
                    self._engine.cancel_alone(order, o.EXPIRED, now_ms, "")
            elif waiting:
                self._start(order_list, waiting, now_ms)

    def _start(self, order_list: OrderList, waiting: list[Order], now_ms: int) -> None:
        """Bring pending orders to the market, or refuse them all when they cannot be there."""
        engine = self._engine
        requests = [_asked(order) for order in waiting]
        try:
            if len(requests) == 2:
                self._relation(requests[0], requests[1])
            needs = [engine.needs(request) for request in requests]
            for request in requests:
                engine.check(order_list.account, replace(request, client_id=""), funds=False)
            if engine.free_to_pay(order_list.account, requests[0]) < max(needs):
                raise RefusedError(-2010, "Account has insufficient balance for requested action.")
        except RefusedError:
            for order in waiting:
                engine.refuse_pending(order, now_ms)
            return
        # The one that rests goes first: it holds the money that both want.
        pairs = sorted(zip(waiting, needs, strict=True), key=lambda pair: pair[0].type in o.TRIGGERED)
        held = 0
        for order, need in pairs:
            if order.status == o.PENDING_NEW:
                engine.start_pending(order, max(0, need - held), now_ms)
            held = max(held, need)

    def _members(self, order_list: OrderList) -> list[Order]:
        found = (self._engine.open_orders.get(number) for number in order_list.order_ids)
        return [order for order in found if order is not None]

    def _others(self, order: Order) -> list[Order]:
        order_list = self.open.get(order.list_id)
        if order_list is None:
            return []
        return [other for other in self._members(order_list) if other.order_id != order.order_id]


def _join(order_list: OrderList, order: Order) -> None:
    order_list.order_ids.append(order.order_id)
    order_list.client_ids.append(order.client_id)


def _asked(order: Order) -> NewOrder:
    """A pending order as it was asked for."""
    return NewOrder(
        order.symbol, order.side, order.type, order.client_id, order.time_in_force, order.quantity,
        order.quote_quantity, order.price, order.stop_price, order.iceberg, order.stp,
        order.trailing_delta,
    )  # fmt: skip
