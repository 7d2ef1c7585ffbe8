"""What risk learns over the bus: candles, books and fills as they come, the account when it is asked for."""

import math
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.base import Message
from ...bus.contracts.market import (
    Book,
    Candle,
    Candles,
    Feeds,
    ListCandles,
    ListFeeds,
    MarketTrade,
    timeframe_ms,
)
from ...bus.contracts.portfolio import BUDGETS_TOPIC, PortfolioBudgets
from ...bus.contracts.trade import (
    Fill,
    Fills,
    GetPortfolio,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    TradingState,
)
from ...configs.accounts import MAIN, service_of
from ...configs.errors import BusTimeoutError, RequestFailedError
from ...configs.schema import Settings
from ..accounting.exact import ZERO, add, multiply
from ..accounting.executions import Executions
from ..accounting.markets import Markets
from ..accounting.returns import Window
from .picture import Picture

R = TypeVar("R", bound=Message)
_MOST_FILLS = 10_000
_MOST_CANDLES = 5_000
_RECENT_ORDERS = 200
_ASK_DATA_EVERY_S = 10.0
_DENIED = "DENIED"
_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", _DENIED})


class Inputs:
    """Everything that the rules look at, kept current.

    Args:
        settings: as the process of the account reads them.
        patience_s: how long trade may take to tell of the account.
        changed: called when something happened that the verdict may depend on.
    """

    def __init__(
        self,
        bus: AsyncBusApi,
        settings: Settings,
        patience_s: float,
        changed: Callable[[], None],
        *,
        account: str = MAIN,
    ) -> None:
        self._bus, self._settings, self._patience_s, self._changed = bus, settings, patience_s, changed
        self._exchange, self._account = settings.data.exchange, account
        self._runs = [name for name, one in settings.strategy.instances.items() if one.account == account]
        timeframe = settings.data.timeframe
        self._timeframe = timeframe
        self.markets = Markets(timeframe, Window(settings.risk.window_candles, timeframe_ms(timeframe)))
        self.executions = Executions(self.markets.price_of, keep=_MOST_FILLS)
        self.symbols = tuple(settings.data.symbols)
        self._filled_up, self._candles_due_s = False, 0.0
        self._budgets: dict[str, Decimal] = {}
        self._log = structlog.get_logger(component="risk")

    def follow(self) -> None:
        """Subscribe; call before the first `read`, so that nothing falls between."""
        venue = topics.part(self._exchange)
        self._bus.subscribe(f"{topics.CANDLES}{venue}.", Candle, self._on_candle, last_value=True)
        self._bus.subscribe(f"{topics.TRADES}{venue}.", MarketTrade, self._on_trade)
        self._bus.subscribe(f"{topics.BOOKS}{venue}.", Book, self._on_book, last_value=True)
        own = topics.of_account(self._account) + venue
        self._bus.subscribe(f"{topics.FILLS}{own}", Fill, self._on_fill)
        self._bus.subscribe(f"{topics.ORDERS}{own}.", Order, self._on_order)
        self._bus.subscribe(BUDGETS_TOPIC, PortfolioBudgets, self._on_budgets, last_value=True)

    async def read(self) -> Picture:
        """How things stand now.

        Raises:
            BusTimeoutError: trade does not answer.
            RequestFailedError: trade does not serve this yet.
        """
        if not self._filled_up:
            await self._learn_past()
        if time.monotonic() >= self._candles_due_s:
            await self._learn_returns()
        # Orders first: one that comes between is then in neither answer, or in the positions alone; trade
        # counts it against the room itself until `seen_order` has passed it.
        recent = await self._ask(ListOrders(limit=_RECENT_ORDERS), Orders)
        working = await self._ask(ListOrders(open_only=True), Orders)
        portfolio = await self._ask(GetPortfolio(), Portfolio)
        accepted = (order.id for order in recent.orders if order.state != _DENIED)
        return self._picture(portfolio, working.orders, next(accepted, ""))

    async def trading_state(self) -> TradingState | None:
        """Trade's own state; None when trade does not tell it."""
        try:
            return (await self._ask(GetPortfolio(), Portfolio)).trading_state
        except (BusTimeoutError, RequestFailedError):
            return None

    async def _ask(self, message: Message, reply: type[R]) -> R:
        service = service_of(self._account)
        return await self._bus.request(service, message, reply, timeout_s=self._patience_s, tries=1)

    async def _learn_past(self) -> None:
        """Fills from before this process."""
        for order in (await self._ask(ListOrders(limit=_MOST_FILLS), Orders)).orders:
            self.executions.note(order)
        self.executions.take_all((await self._ask(ListFills(limit=_MOST_FILLS), Fills)).fills)
        self._filled_up = True

    async def _learn_returns(self) -> None:
        """Candles from before this process; while data is away, again after a while."""
        try:
            await self._learn_candles()
        except (BusTimeoutError, RequestFailedError) as error:
            self._log.warning("past candles are not known yet", reason=str(error))
            self._candles_due_s = time.monotonic() + _ASK_DATA_EVERY_S
            return
        self.markets.past_is_complete()
        self._candles_due_s = math.inf

    async def _learn_candles(self) -> None:
        feeds = (await self._bus.request("data", ListFeeds(), Feeds, timeout_s=self._patience_s)).feeds
        for feed in feeds:
            if feed.timeframe != self._timeframe or feed.exchange != self._exchange:
                continue
            wish = ListCandles(
                exchange=self._exchange,
                symbol=feed.symbol,
                timeframe=self._timeframe,
                limit=min(self._settings.risk.window_candles + 1, _MOST_CANDLES),
            )
            self.markets.take_past(await self._bus.request("data", wish, Candles, timeout_s=self._patience_s))

    def _on_candle(self, received: Received[Candle]) -> None:
        self.markets.take_candle(received.message, received.ts_ns)

    def _on_trade(self, received: Received[MarketTrade]) -> None:
        self.markets.heard(received.message.symbol, received.ts_ns)

    def _on_book(self, received: Received[Book]) -> None:
        self.markets.take_book(received.message, received.ts_ns)

    def _on_budgets(self, received: Received[PortfolioBudgets]) -> None:
        if received.message.account == self._account:
            self._budgets = {one.strategy: one.budget for one in received.message.budgets}

    def _on_order(self, received: Received[Order]) -> None:
        self.executions.note(received.message)
        self._changed()

    def _on_fill(self, received: Received[Fill]) -> None:
        if self.executions.take(received.message):
            self._changed()

    def _picture(self, portfolio: Portfolio, working: list[Order], seen_order: str) -> Picture:
        now_ns = time.time_ns()
        equity = portfolio.equity
        currency = (
            equity.currency if equity is not None else self.symbols[0].partition("/")[2].partition(":")[0]
        )
        prices = self.markets.values_of_one(currency)
        buying, by_source = _buying(working, prices)
        held = {
            balance.asset: multiply(balance.total, prices[balance.asset])
            for balance in portfolio.balances
            if balance.asset != currency and balance.total and balance.asset in prices
        }
        return Picture(
            now_ms=now_ns // 1_000_000,
            currency=currency,
            equity=None if equity is None else equity.equity,
            assets=held,
            buying=buying,
            strategies=self._strategies(by_source),
            watched=self.symbols,
            market_news={symbol: self.markets.news(symbol, now_ns) for symbol in self.symbols},
            transferred=portfolio.transferred,
            prices=prices,
            seen_order=seen_order,
            budgets=self._budgets,
        )

    def _strategies(self, by_source: dict[str, Decimal]) -> dict[str, Decimal]:
        """What each run holds, by its own fills, and what it is buying."""
        found = dict.fromkeys(self._runs, ZERO) | by_source
        prices = self.markets.prices
        for (owner, symbol), position in self.executions.positions.all.items():
            if position.amount and symbol in prices:
                value = multiply(position.amount, prices[symbol])
                found[owner] = add(found.get(owner, ZERO), value)
        return found


def _buying(
    working: list[Order], prices: dict[str, Decimal]
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Value of open buy orders, by symbol and by source."""
    by_symbol: dict[str, Decimal] = {}
    by_source: dict[str, Decimal] = {}
    for order in working:
        if order.side != "buy" or order.state in _ENDED or order.reduce_only:
            continue
        price = order.price or prices.get(order.symbol.partition("/")[0])
        if price is None:
            continue
        value = multiply(order.remaining, price)
        by_symbol[order.symbol] = add(by_symbol.get(order.symbol, ZERO), value)
        by_source[order.source] = add(by_source.get(order.source, ZERO), value)
    return by_symbol, by_source
