"""Binance spot, through ccxt.pro.

Orders, executions and candles are read from Binance's own messages as they pass through ccxt: there all
numbers are text, one message holds an order's state and its fill together, and a candle says whether it is
final.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from . import lazy, translate
from .binance_messages import (
    balance_transfer,
    kline_candle,
    order_parameters,
    pair_parameters,
    public_trade,
    report_order,
    report_trade,
    rest_order,
)
from .ccxt_venue import CcxtVenue
from .connector import Connector, OpenContext
from .convert import trade_from
from .stream import Stream, follow
from .venue import (
    Capabilities,
    Credentials,
    KeyPermissions,
    OrderRequest,
    Resumed,
    UserNews,
    Venue,
    VenueBook,
    VenueCandle,
    VenueMarketTrade,
    VenueOrder,
    VenueTrade,
    VenueTransfer,
)

CAPABILITIES = Capabilities(
    client_ids=True,
    trades_all_symbols=False,
    post_only=True,
    oco=True,
    amend=True,
    order_types=("market", "limit", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit"),
    candle_limit=1000,
    trade_limit=1000,
)
_OPTIONS: dict[str, Any] = {
    "defaultType": "spot",
    "fetchMarkets": {"types": ["spot"]},
    "fetchCurrencies": False,
    "warnOnFetchOpenOrdersWithoutSymbol": False,
    "recvWindow": 5000,
}


class BinanceVenue(CcxtVenue):
    """Binance spot, or whatever speaks its API at other addresses."""

    def __init__(
        self, name: str, exchange: Any, capabilities: Capabilities, *, silence_s: float = 30.0
    ) -> None:
        super().__init__(name, exchange, capabilities, silence_s=silence_s)
        self._user: Stream[VenueOrder | VenueTrade | VenueTransfer] | None = None
        self._candles: dict[tuple[str, str], Stream[VenueCandle]] = {}
        self._trades: dict[str, Stream[VenueMarketTrade]] = {}
        self._tap("handle_order_update", self._on_execution_report)
        self._tap("handle_balance", self._on_balance)
        self._tap("handle_ohlcv", self._on_kline)
        self._tap("handle_trade", self._on_trade)
        self._break_when_terminated()

    async def fetch_permissions(self) -> KeyPermissions:
        raw = await self._read("read the key's permissions", self._exchange.sapiGetAccountApiRestrictions)
        return KeyPermissions(
            trade=_flag(raw.get("enableSpotAndMarginTrading")), withdraw=_flag(raw.get("enableWithdrawals"))
        )

    async def fetch_my_trades(
        self, symbol: str, since_ms: int | None = None, from_id: str = ""
    ) -> list[VenueTrade]:
        params = {"fromId": from_id} if from_id else {}
        since = None if from_id else since_ms
        limit = self.capabilities.trade_limit
        raw = await self._read(
            "fetch my trades", lambda: self._exchange.fetch_my_trades(symbol, since, limit, params)
        )
        return sorted((trade_from(trade) for trade in raw), key=lambda trade: int(trade.id))

    async def watch_user(self) -> AsyncIterator[UserNews]:
        await self.load_markets()
        stream: Stream[VenueOrder | VenueTrade | VenueTransfer] = Stream(f"{self.name}:user")
        self._user = stream

        async def connect() -> None:
            await self._exchange.authenticate({"type": "spot"})

        keeper = self._keeper(stream, self._exchange.watch_orders, connect=connect)
        async for item in follow(stream, keeper):
            yield item

    async def watch_candles(self, symbol: str, timeframe: str) -> AsyncGenerator[VenueCandle | Resumed, None]:
        await self.load_markets()
        stream: Stream[VenueCandle] = Stream(f"{self.name}:candles:{symbol}:{timeframe}")
        self._candles[self._market_id(symbol), timeframe] = stream

        async def pull() -> None:
            await self._exchange.watch_ohlcv(symbol, timeframe)

        async for item in follow(stream, self._keeper(stream, pull, silence_s=self._silence_s)):
            yield item

    async def watch_trades(self, symbol: str) -> AsyncIterator[VenueMarketTrade | Resumed]:
        await self.load_markets()
        stream: Stream[VenueMarketTrade] = Stream(f"{self.name}:trades:{symbol}")
        self._trades[self._market_id(symbol)] = stream

        async def pull() -> None:
            await self._exchange.watch_trades(symbol)

        async for item in follow(stream, self._keeper(stream, pull)):
            yield item

    async def watch_book(self, symbol: str, depth: int = 10) -> AsyncIterator[VenueBook | Resumed]:
        await self.load_markets()
        async for item in super().watch_book(symbol, depth):
            yield item

    def _tap(self, method: str, sink: Callable[[dict[str, Any]], None]) -> None:
        """Read these messages instead of ccxt, whose caches of them nobody would look at."""

        def tapped(_client: Any, message: dict[str, Any]) -> None:
            sink(message)

        setattr(self._exchange, method, tapped)

    def _break_when_terminated(self) -> None:
        """A user stream that the venue ends is asked for anew: ccxt alone would wait on it for ever."""
        original = self._exchange.handle_event_stream_terminated

        def handle(client: Any, message: dict[str, Any]) -> None:
            original(client, message)
            client.reject(ConnectionError("the venue ended the user stream"))

        self._exchange.handle_event_stream_terminated = handle

    def _market_id(self, symbol: str) -> str:
        return str(self._exchange.market(symbol)["id"])

    def _symbol(self, market_id: str) -> str:
        return str(self._exchange.safe_symbol(market_id, None, None, "spot"))

    def _on_execution_report(self, message: dict[str, Any]) -> None:
        if self._user is None or message.get("e") != "executionReport":
            return
        symbol = self._symbol(message["s"])
        # The fill first: an order that is told to be FILLED then has its fills.
        if message["x"] == "TRADE":
            self._user.push(report_trade(message, symbol))
        self._user.push(report_order(message, symbol))

    def _on_balance(self, message: dict[str, Any]) -> None:
        if self._user is not None and message.get("e") == "balanceUpdate":
            self._user.push(balance_transfer(message))

    def _on_kline(self, message: dict[str, Any]) -> None:
        kline = message["k"]
        stream = self._candles.get((str(kline["s"]), str(kline["i"])))
        if stream is not None:
            stream.push(kline_candle(self._symbol(kline["s"]), kline))

    def _on_trade(self, message: dict[str, Any]) -> None:
        stream = self._trades.get(str(message.get("s")))
        if stream is not None:
            stream.push(public_trade(message, self._symbol(message["s"])))

    async def _submit(self, request: OrderRequest) -> Any:
        raw = await self._exchange.privatePostOrder(
            order_parameters(request, self._market_id(request.symbol))
        )
        return {"info": raw, "symbol": request.symbol}

    async def create_oco(self, stop: OrderRequest, target: OrderRequest, list_id: str) -> list[VenueOrder]:
        parameters = pair_parameters(stop, target, list_id, self._market_id(stop.symbol))

        async def submit() -> Any:
            return await self._exchange.privatePostOrderListOco(parameters)

        def read(raw: Any) -> list[VenueOrder]:
            return [rest_order(report, stop.symbol) for report in raw["orderReports"]]

        action = f"submit {list_id} ({stop.side} {stop.amount} {stop.symbol}, stop and target)"
        return await self._send(action, submit, translate.submit_error, read)

    async def _submit_replacement(
        self, old_client_id: str, request: OrderRequest, only_unfilled: bool
    ) -> Any:
        parameters = order_parameters(request, self._market_id(request.symbol))
        parameters |= {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": old_client_id}
        if only_unfilled:
            parameters["cancelRestrictions"] = "ONLY_NEW"
        raw = await self._exchange.privatePostOrderCancelReplace(parameters)
        return {"info": raw["newOrderResponse"], "symbol": request.symbol}

    def _id_params(self, client_id: str, order_id: str) -> dict[str, Any]:
        return {"origClientOrderId": client_id} if client_id else {}

    def _order(self, raw: dict[str, Any]) -> VenueOrder:
        return rest_order(raw["info"], raw["symbol"])

    def _is_private(self, url: str) -> bool:
        return "ws-api" in url


def make_exchange(credentials: Credentials | None, timeout_s: float, **extra: Any) -> Any:
    """A ccxt.pro object for Binance spot; only Binance's code is imported."""
    lazy.install()
    from ccxt.pro.binance import binance

    config: dict[str, Any] = {
        "options": _OPTIONS,
        "enableRateLimit": True,
        "timeout": round(timeout_s * 1000),
        "newUpdates": True,
        **extra,
    }
    if credentials is not None:
        config |= {"apiKey": credentials.key, "secret": credentials.secret}
    return binance(config)


def _flag(value: Any) -> bool | None:
    return None if value is None else str(value).lower() == "true"


async def _open(context: OpenContext) -> Venue:
    exchange = make_exchange(context.credentials, context.timeout_s)
    return BinanceVenue("binance", exchange, CAPABILITIES, silence_s=context.silence_s)


CONNECTOR = Connector(name="binance", title="Binance spot", capabilities=CAPABILITIES, open=_open)
