"""The matching engine: orders in, trades out. No clock, file or socket: the same calls give the same trades.

Everything that happened is put into `changes`, in order; the owner takes them, stores them, and tells people.
"""

from collections.abc import Iterable

from . import admission, trailing
from . import orders as o
from .book import Market
from .changes import Fees
from .lists import Lists
from .moves import PriceMoves
from .orders import NewOrder, Order, RefusedError
from .rules import Rules


class Engine(PriceMoves):
    """All markets and accounts of the exchange: orders are placed, worked and cancelled here."""

    def __init__(self, rules: Iterable[Rules], fees: Fees, queue: bool = False) -> None:
        super().__init__(rules, fees, queue)
        self.lists = Lists(self)

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
        trailing.begin(order, market.last, now_ms)
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
        trailing.begin(order, market.last, now_ms)
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
            list_id=list_id, stp=request.stp, iceberg=request.iceberg, trailing_delta=request.trailing_delta,
            working_ms=-1 if request.type in o.TRIGGERED else now_ms,
        )  # fmt: skip
        self.balances.lock(account, self._pays(market.rules, order.side), locked)
        self.next_order_id += 1
        self.open_orders[order.order_id] = order
        return order

    def free_to_pay(self, account: str, request: NewOrder) -> int:
        """What the account has free of the asset that the order pays with."""
        return self.balances.free(account, self._pays(self.market(request.symbol).rules, request.side))

    def needs(self, request: NewOrder) -> int:
        """What the order must lock of the asset it pays with."""
        return admission.needs(self.market(request.symbol), request)

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
