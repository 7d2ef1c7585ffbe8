"""What trade knows of one account at this moment: open orders, positions, prices, and what follows from
them.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ...bus.contracts.trade import Balance, Equity, Position
from ..connectors.venue import Market
from . import ids, ledger, money, rows
from .bindings import Bindings
from .clock import now_ms
from .limits import Picture
from .money import ZERO
from .order import OrderRecord
from .positions import PositionRecord
from .states import TERMINAL, State
from .store import Change, TradeStore

_FINISHED_KEPT = 500
_MINUTE_MS = 60_000


@dataclass(slots=True)
class Price:
    """The last price of a symbol and when (on the monotonic clock) we heard of it."""

    value: Decimal
    heard_s: float


class Account:
    """Memory of one venue's account, filled from the store and kept in step with what is committed."""

    def __init__(
        self,
        exchange: str,
        store: TradeStore,
        clock: Callable[[], float] = time.monotonic,
        *,
        name: str = ids.MAIN,
    ) -> None:
        self.exchange, self._store, self._clock, self.name = exchange, store, clock, name
        self.markets: dict[str, Market] = {}
        self.prices: dict[str, Price] = {}
        self.orders: dict[str, OrderRecord] = {order.id: order for order in store.open_orders()}
        self.positions: dict[str, PositionRecord] = {
            position.symbol: position for position in store.positions() if position.exchange == exchange
        }
        self._bound = Bindings()
        self._finished: OrderedDict[str, OrderRecord] = OrderedDict()
        self._by_exchange_id = {
            o.exchange_order_id: o.id for o in self.orders.values() if o.exchange_order_id
        }
        self._created_ms = deque(store.orders_created_since(now_ms() - _MINUTE_MS))

    def learn_markets(self, markets: dict[str, Market]) -> None:
        """The rules of the venue; what open orders bind follows from them."""
        self.markets = markets
        for order in self.orders.values():
            self._bind(order)

    def adopt(self, change: Change) -> None:
        """Take over what was committed."""
        for order in (*change.new_orders, *change.orders):
            self._keep(order)
        self._created_ms.extend(order.created_ms for order in change.new_orders if _counts_as_new(order))
        for position in change.positions:
            self.positions[position.symbol] = position

    def find(
        self, *, order_id: str = "", client_id: str = "", exchange_order_id: str = ""
    ) -> OrderRecord | None:
        """An order in memory, else in the database."""
        for key in (order_id, client_id, self._by_exchange_id.get(exchange_order_id, "")):
            found = self.recent(key)
            if key and found is not None:
                return found
        columns = {"id": order_id, "client_order_id": client_id, "exchange_order_id": exchange_order_id}
        for column, value in columns.items():
            if value:
                stored = self._store.find_order(column, value)
                if stored is not None:
                    return stored
        return None

    def recent(self, order_id: str) -> OrderRecord | None:
        """An order that is open, or ended lately."""
        return self.orders.get(order_id) or self._finished.get(order_id)

    def market(self, symbol: str) -> Market | None:
        return self.markets.get(symbol)

    def position(self, symbol: str) -> PositionRecord:
        """The position, a new flat one where there is none."""
        return self.positions.get(symbol) or PositionRecord(exchange=self.exchange, symbol=symbol)

    def set_price(self, symbol: str, value: Decimal, *, live: bool = True) -> None:
        """The last price; one that is not live values what we hold but opens nothing."""
        self.prices[symbol] = Price(value, self._clock() if live else -math.inf)

    def price(self, symbol: str) -> Decimal | None:
        known = self.prices.get(symbol)
        return None if known is None else known.value

    def price_of(self, asset: str, quote: str) -> Decimal | None:
        """One unit of an asset in `quote`; None while it is unknown."""
        return Decimal(1) if asset == quote else self.price(f"{asset}/{quote}")

    def total(self, asset: str) -> Decimal:
        """The ledger's balance."""
        return self._store.accounts.get((ledger.holdings(self.exchange), asset), ZERO)

    def used(self, asset: str) -> Decimal:
        """What open orders bind."""
        return self._bound.used(asset)

    def free(self, asset: str) -> Decimal:
        left = money.subtract(self.total(asset), self.used(asset))
        return left if left > 0 else ZERO

    def assets(self) -> list[str]:
        own = ledger.holdings(self.exchange)
        return sorted(asset for account, asset in self._store.accounts if account == own)

    def balance(self, asset: str) -> Balance:
        total, used = self.total(asset), self.used(asset)
        return Balance(
            exchange=self.exchange,
            asset=asset,
            free=money.subtract(total, used),
            used=used,
            total=total,
            account=self.name,
        )

    def position_message(self, position: PositionRecord) -> Position:
        return rows.position_message(position, self.price(position.symbol), self.name)

    def closing(self, symbol: str, side: str) -> Decimal:
        """Base units that open orders of this side will take from the position."""
        return self._bound.closing(symbol, side)

    def picture(self, symbol: str, side: str, trading_state: str, in_step: bool) -> Picture:
        """What the limits look at for an order of this symbol and side."""
        market, price = self.markets[symbol], self.prices.get(symbol)
        position = self.position(symbol).amount
        return Picture(
            trading_state=trading_state,
            price=None if price is None else price.value,
            stale_s=0.0 if price is None else self._clock() - price.heard_s,
            position=position,
            closing=self.closing(symbol, side),
            free_base=self.free(market.base),
            free_quote=self.free(market.quote),
            buying=self._bound.buying(symbol),
            open_orders=len(self.orders),
            orders_last_minute=self._orders_last_minute(),
            in_step=in_step,
        )

    def equity(self, currency: str, start: Decimal | None) -> Equity | None:
        """The account's value now; None while a price is missing for something that we hold."""
        total = ZERO
        for asset in self.assets():
            held = self.total(asset)
            if not held:
                continue
            price = self.price_of(asset, currency)
            if price is None:
                if self._is_traded(asset):
                    return None
                continue
            total = money.add(total, money.multiply(held, price))
        realised = money.add(*(position.realised for position in self._in_currency(currency)))
        unrealised = money.add(
            *(position.unrealised(self.price(position.symbol)) for position in self._in_currency(currency))
        )
        return Equity(
            exchange=self.exchange,
            currency=currency,
            equity=total,
            start_equity=total if start is None else start,
            realised_pnl=realised,
            unrealised_pnl=unrealised,
            ts_ms=now_ms(),
            account=self.name,
        )

    def _keep(self, order: OrderRecord) -> None:
        if order.exchange_order_id:
            self._by_exchange_id[order.exchange_order_id] = order.id
        if order.state not in TERMINAL:
            self._finished.pop(order.id, None)
            self.orders[order.id] = order
            self._bind_with_list(order)
            return
        self.orders.pop(order.id, None)
        self._bind_with_list(order)
        self._finished[order.id] = order
        while len(self._finished) > _FINISHED_KEPT:
            _, oldest = self._finished.popitem(last=False)
            self._by_exchange_id.pop(oldest.exchange_order_id, None)

    def _bind_with_list(self, order: OrderRecord) -> None:
        """Orders of one list want the same coins: the first that is open binds them for all."""
        self._bind(order)
        if order.list_id:
            for other in self._list_of(order):
                self._bind(other)

    def _list_of(self, order: OrderRecord) -> list[OrderRecord]:
        """Open orders of the same list."""
        return [other for other in self.orders.values() if other.list_id == order.list_id]

    def _leads(self, order: OrderRecord) -> bool:
        """Whether it stands for its list; an order of no list stands for itself."""
        return not order.list_id or order.id == min(other.id for other in self._list_of(order))

    def _bind(self, order: OrderRecord) -> None:
        self._bound.take(order, self.markets.get(order.symbol), leads=order.is_open and self._leads(order))

    def _orders_last_minute(self) -> int:
        oldest = now_ms() - _MINUTE_MS
        while self._created_ms and self._created_ms[0] < oldest:
            self._created_ms.popleft()
        return len(self._created_ms)

    def _is_traded(self, asset: str) -> bool:
        """Whether we must know its price: it belongs to a symbol that we watch or hold."""
        watched = {*self.prices, *self.positions}
        return any(self.markets[symbol].base == asset for symbol in watched if symbol in self.markets)

    def _in_currency(self, currency: str) -> list[PositionRecord]:
        return [
            position
            for position in self.positions.values()
            if position.symbol in self.markets and self.markets[position.symbol].quote == currency
        ]


def _counts_as_new(order: OrderRecord) -> bool:
    return not order.external and order.state is not State.DENIED
