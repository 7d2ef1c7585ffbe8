"""A dry run's venue: the same candles as live, simulated money and fills, nothing sent anywhere.

The rules are those of a backtest on candles (docs/backtest.md): a decision on a close is filled at the next
candle's open, limits and stops inside a candle when its range reaches them, a bracket's stop before its
target.
"""

from decimal import Decimal

import msgspec

from .book import Book, Execution
from .values import ZERO, Candle, Order, Wish

_GRAIN = Decimal("1e-12")


class Waiting(msgspec.Struct):
    """An order of a dry run that is not filled yet."""

    id: str
    symbol: str
    wish: Wish


class Guard(msgspec.Struct):
    """The bracket around a dry position."""

    stop: Decimal | None
    take: Decimal | None


class DryVenue(msgspec.Struct, kw_only=True):
    """Money and orders of one dry run; kept in the run's memory.

    Args:
        cash: free money by quote asset; resting buys do not lock it, a buy beyond it is refused when it
        fills.
    """

    cash: dict[str, Decimal] = {}
    orders: list[Waiting] = []
    guards: dict[str, Guard] = {}
    placed: int = 0

    def place(self, symbol: str, wish: Wish, step: Decimal) -> Order | None:
        """Take an order; what is too small for the market is refused and given back with the reason."""
        amount = wish.amount // step * step if step else wish.amount.quantize(_GRAIN, rounding="ROUND_DOWN")
        if wish.replaces:
            self.cancel(symbol, wish.replaces)
        if amount <= 0:
            return refusal(wish, f"{wish.amount} is less than the market's step {step}")
        self.placed += 1
        kept = msgspec.structs.replace(wish, amount=amount)
        self.orders.append(Waiting(f"dry-{self.placed}", symbol, kept))
        return None

    def cancel(self, symbol: str, order_id: str) -> None:
        """Take back one order of a market, or all."""
        self.orders = [
            one for one in self.orders if one.symbol != symbol or (order_id and one.id != order_id)
        ]

    def match(
        self, book: Book, symbol: str, candle: Candle, maker_fee: Decimal, taker_fee: Decimal
    ) -> tuple[list[Execution], list[Order]]:
        """Let a finished candle fill what it reaches.

        Returns:
            executions, already counted in the book, and orders that were refused for lack of money or of a
            position.
        """
        made: list[Execution] = []
        refused: list[Order] = []
        for one in [one for one in self.orders if one.symbol == symbol]:
            price = _price(one.wish, candle)
            if price is None:
                continue
            self.orders.remove(one)
            fee = maker_fee if one.wish.limit is not None else taker_fee
            done = self._fill(book, one, price, fee, candle.open_ms)
            if isinstance(done, Order):
                refused.append(done)
            else:
                made.append(done)
        guarded = self._guard(book, symbol, candle, taker_fee)
        return made + guarded, refused

    def _fill(self, book: Book, one: Waiting, price: Decimal, fee: Decimal, ts_ms: int) -> Execution | Order:
        wish, quote = one.wish, quote_of(one.symbol)
        held = book.holdings[one.symbol].amount if one.symbol in book.holdings else ZERO
        amount = wish.amount if wish.side == "buy" else min(wish.amount, held)
        value = amount * price
        charge = value * fee
        if wish.side == "buy" and value + charge > self.cash.get(quote, ZERO):
            return refusal(
                wish, f"it costs {value + charge:f} {quote}, free are {self.cash.get(quote, ZERO):f}"
            )
        if amount <= 0:
            return refusal(wish, "nothing is held")
        self.cash[quote] = self.cash.get(quote, ZERO) + (-value if wish.side == "buy" else value) - charge
        done = Execution(one.id, one.symbol, wish.side, price, amount, ts_ms, ZERO, charge, wish.reason)
        book.take(done)
        if wish.side == "buy" and (wish.stop is not None or wish.take is not None):
            self.guards[one.symbol] = Guard(wish.stop, wish.take)
        return done

    def _guard(self, book: Book, symbol: str, candle: Candle, fee: Decimal) -> list[Execution]:
        guard, holding = self.guards.get(symbol), book.holdings.get(symbol)
        if guard is None or holding is None:
            self.guards.pop(symbol, None)
            return []
        price = reason = None
        if guard.stop is not None and candle.low <= float(guard.stop):
            price, reason = min(guard.stop, _exact(candle.open)), "stop"
        elif guard.take is not None and candle.high >= float(guard.take):
            price, reason = max(guard.take, _exact(candle.open)), "target"
        if price is None:
            return []
        del self.guards[symbol]
        self.placed += 1
        wish = Wish("sell", holding.amount, None, True, str(reason), symbol)
        done = self._fill(book, Waiting(f"dry-{self.placed}", symbol, wish), price, fee, candle.open_ms)
        return [done] if isinstance(done, Execution) else []


def quote_of(symbol: str) -> str:
    """The asset that is paid with: USDT of BTC/USDT."""
    return symbol.partition("/")[2].partition(":")[0]


def refusal(wish: Wish, reason: str) -> Order:
    """What `on_order` is told of a wish that became no order."""
    return Order("", wish.side, wish.amount, ZERO, wish.limit, wish.symbol, reason, wish.trigger)


def _price(wish: Wish, candle: Candle) -> Decimal | None:
    """The price at which a candle fills a wish; None when it does not reach it."""
    buys, start = wish.side == "buy", _exact(candle.open)
    if wish.trigger is not None:
        reached = candle.high >= float(wish.trigger) if buys else candle.low <= float(wish.trigger)
        if not reached:
            return None
        touched = max(start, wish.trigger) if buys else min(start, wish.trigger)
        if wish.limit is None:
            return touched
        fits = touched <= wish.limit if buys else touched >= wish.limit
        return touched if fits else None
    if wish.limit is None:
        return start
    if buys:
        return min(start, wish.limit) if candle.low <= float(wish.limit) else None
    return max(start, wish.limit) if candle.high >= float(wish.limit) else None


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
