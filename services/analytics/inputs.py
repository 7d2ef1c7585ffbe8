"""What analytics learns over the bus: fills and orders, prices, and the account when it is asked for."""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.base import Message
from ...bus.contracts.market import Candle, Candles, ListCandles, timeframe_ms
from ...bus.contracts.trade import (
    Equity,
    EquityHistory,
    Fill,
    Fills,
    GetPortfolio,
    ListEquity,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
)
from ...configs.errors import BusTimeoutError, RequestFailedError
from ...configs.schema import Settings
from ..accounting.executions import Executions, key_of
from ..accounting.markets import Markets
from ..accounting.returns import Window

R = TypeVar("R", bound=Message)
_PATIENCE_S = 5.0
_PAGE = 5_000
_MOST_CANDLES = 5_000
_MOST_EQUITY = 10_000
_STALE_CANDLES = 3


class Inputs:
    """Everything that is learnt, kept current."""

    def __init__(self, bus: AsyncBusApi, settings: Settings) -> None:
        self._bus, self._settings = bus, settings
        self.exchange, self._timeframe = settings.data.exchange, settings.data.timeframe
        self.markets = Markets(self._timeframe, Window(2, timeframe_ms(self._timeframe)))
        self.markets.past_is_complete()
        self.executions = Executions(self.markets.price_of)
        self._learnt = False

    def follow(self) -> None:
        """Subscribe; call before the first question, so that nothing falls between."""
        venue = topics.part(self.exchange)
        self._bus.subscribe(f"{topics.CANDLES}{venue}.", Candle, self._on_candle, last_value=True)
        self._bus.subscribe(topics.fill(self.exchange), Fill, self._on_fill)
        self._bus.subscribe(f"{topics.ORDERS}{venue}.", Order, self._on_order)

    async def portfolio(self) -> Portfolio:
        """The account as trade has it now, with every fill that it holds counted.

        Raises:
            BusTimeoutError, RequestFailedError: trade does not answer.
        """
        if not self._learnt:
            await self._learn()
            self._learnt = True
        return await self._ask("trade", GetPortfolio(), Portfolio)

    def prices(self) -> Mapping[str, Decimal]:
        """The last price of every market."""
        return dict(self.markets.prices)

    async def past_equity(self) -> list[Equity]:
        """The equity curve that trade has kept, oldest first."""
        return (await self._ask("trade", ListEquity(limit=_MOST_EQUITY), EquityHistory)).points

    async def past_closes(self, symbol: str) -> list[tuple[int, Decimal]]:
        """(end, close) of the finished candles that data has, oldest first; none where it has none."""
        wish = ListCandles(
            exchange=self.exchange, symbol=symbol, timeframe=self._timeframe, limit=_MOST_CANDLES
        )
        step_ms = timeframe_ms(self._timeframe)
        try:
            found = await self._ask("data", wish, Candles)
        except (BusTimeoutError, RequestFailedError):
            return []  # the past of this market stays unknown; its future is followed
        return [(one.open_ms + step_ms, Decimal(one.close)) for one in found.candles]

    @property
    def stale_after_ms(self) -> int:
        """A close older than this says nothing of a moment."""
        return _STALE_CANDLES * timeframe_ms(self._timeframe)

    async def _learn(self) -> None:
        orders = await self._ask("trade", ListOrders(limit=_PAGE), Orders)
        for order in orders.orders:
            self.executions.note(order)
        older_than = ""
        while True:
            page = (await self._ask("trade", ListFills(limit=_PAGE, older_than=older_than), Fills)).fills
            self.executions.take_all(page)
            if len(page) < _PAGE:
                return
            older_than = key_of(page[-1])

    async def _ask(self, service: str, message: Message, reply: type[R]) -> R:
        return await self._bus.request(service, message, reply, timeout_s=_PATIENCE_S)

    def _on_candle(self, received: Received[Candle]) -> None:
        self.markets.take_candle(received.message, received.ts_ns)

    def _on_fill(self, received: Received[Fill]) -> None:
        self.executions.take(received.message)

    def _on_order(self, received: Received[Order]) -> None:
        self.executions.note(received.message)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
