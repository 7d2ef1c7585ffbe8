"""Binance spot, through ccxt.pro.

Orders, executions and candles are read from Binance's own messages as they pass through ccxt: there all
numbers are text, one message holds an order's state and its fill together, and a candle says whether it is
final.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

from . import lazy
from .ccxt_venue import CcxtVenue
from .connector import Connector, OpenContext
from .convert import decimal, optional_decimal, trade_from
from .stream import Stream, follow
from .venue import (
    Capabilities,
    Credentials,
    KeyPermissions,
    OrderRequest,
    Resumed,
    Venue,
    VenueBook,
    VenueCandle,
    VenueMarketTrade,
    VenueOrder,
    VenueTrade,
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
_STATUS = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PENDING_CANCEL": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
_TYPE = {"LIMIT_MAKER": "limit"}
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
        self._user: Stream[VenueOrder | VenueTrade] | None = None
        self._candles: dict[tuple[str, str], Stream[VenueCandle]] = {}
        self._trades: dict[str, Stream[VenueMarketTrade]] = {}
        self._tap("handle_order_update", self._on_execution_report)
        self._tap("handle_ohlcv", self._on_kline)
        self._tap("handle_trade", self._on_trade)

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

    async def watch_user(self) -> AsyncIterator[VenueOrder | VenueTrade | Resumed]:
        await self.load_markets()
        stream: Stream[VenueOrder | VenueTrade] = Stream(f"{self.name}:user")
        self._user = stream

        async def connect() -> None:
            await self._exchange.authenticate({"type": "spot"})

        keeper = self._keeper(stream, self._exchange.watch_orders, connect=connect)
        async for item in follow(stream, keeper):
            yield item

    async def watch_candles(self, symbol: str, timeframe: str) -> AsyncIterator[VenueCandle | Resumed]:
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
        original = getattr(self._exchange, method)

        def tapped(client: Any, message: dict[str, Any]) -> Any:
            sink(message)
            return original(client, message)

        setattr(self._exchange, method, tapped)

    def _market_id(self, symbol: str) -> str:
        return str(self._exchange.market(symbol)["id"])

    def _symbol(self, market_id: str) -> str:
        return str(self._exchange.safe_symbol(market_id, None, None, "spot"))

    def _on_execution_report(self, message: dict[str, Any]) -> None:
        if self._user is None or message.get("e") != "executionReport":
            return
        symbol = self._symbol(message["s"])
        client_id = message.get("C") or message["c"]
        # The fill first: an order that is told to be FILLED then has its fills.
        if message["x"] == "TRADE":
            self._user.push(_report_trade(message, symbol, client_id))
        self._user.push(_report_order(message, symbol, client_id))

    def _on_kline(self, message: dict[str, Any]) -> None:
        kline = message["k"]
        stream = self._candles.get((str(kline["s"]), str(kline["i"])))
        if stream is not None:
            stream.push(_kline_candle(self._symbol(kline["s"]), kline))

    def _on_trade(self, message: dict[str, Any]) -> None:
        stream = self._trades.get(str(message.get("s")))
        if stream is None:
            return
        stream.push(
            VenueMarketTrade(
                symbol=self._symbol(message["s"]),
                id=str(message.get("t", message.get("a"))),
                ts_ms=int(message["T"]),
                side="sell" if message["m"] else "buy",
                price=message["p"],
                amount=message["q"],
            )
        )

    def _order_params(self, request: OrderRequest) -> dict[str, Any]:
        params = super()._order_params(request)
        params["newClientOrderId"] = params.pop("clientOrderId")
        params["newOrderRespType"] = "RESULT"
        return params

    def _id_params(self, client_id: str, order_id: str) -> dict[str, Any]:
        return {"origClientOrderId": client_id} if client_id else {}

    def _order(self, raw: dict[str, Any]) -> VenueOrder:
        info = raw["info"]
        return VenueOrder(
            id=str(info["orderId"]),
            client_id=str(info.get("origClientOrderId") or info["clientOrderId"]),
            symbol=raw["symbol"],
            side=str(info["side"]).lower(),
            type=_order_type(info["type"]),
            status=_STATUS.get(info["status"], "open"),
            amount=decimal(info["origQty"]),
            filled=decimal(info["executedQty"]),
            cost=decimal(info["cummulativeQuoteQty"]),
            price=optional_decimal(info.get("price")),
            stop_price=optional_decimal(info.get("stopPrice")),
            time_in_force=str(info.get("timeInForce") or "GTC"),
            updated_ms=int(info.get("updateTime") or info.get("transactTime") or 0),
        )

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


def _order_type(name: str) -> str:
    return _TYPE.get(name, name.lower())


def _report_order(message: dict[str, Any], symbol: str, client_id: str) -> VenueOrder:
    reason = message.get("r", "")
    return VenueOrder(
        id=str(message["i"]),
        client_id=client_id,
        symbol=symbol,
        side=message["S"].lower(),
        type=_order_type(message["o"]),
        status=_STATUS.get(message["X"], "open"),
        amount=decimal(message["q"]),
        filled=decimal(message["z"]),
        cost=decimal(message["Z"]),
        price=optional_decimal(message["p"]),
        stop_price=optional_decimal(message.get("P")),
        time_in_force=message["f"],
        updated_ms=int(message["T"]),
        reason="" if reason == "NONE" else str(reason),
    )


def _report_trade(message: dict[str, Any], symbol: str, client_id: str) -> VenueTrade:
    price, amount = decimal(message["L"]), decimal(message["l"])
    return VenueTrade(
        id=str(message["t"]),
        order_id=str(message["i"]),
        client_id=client_id,
        symbol=symbol,
        side=message["S"].lower(),
        price=price,
        amount=amount,
        cost=decimal(message["Y"]) if message.get("Y") else price * amount,
        fee=decimal(message.get("n")),
        fee_currency=str(message.get("N") or ""),
        maker=bool(message["m"]),
        ts_ms=int(message["T"]),
    )


def _kline_candle(symbol: str, kline: dict[str, Any]) -> VenueCandle:
    return VenueCandle(
        symbol=symbol,
        timeframe=kline["i"],
        open_ms=int(kline["t"]),
        open=kline["o"],
        high=kline["h"],
        low=kline["l"],
        close=kline["c"],
        volume=kline["v"],
        closed=bool(kline["x"]),
    )


async def _open(context: OpenContext) -> Venue:
    exchange = make_exchange(context.credentials, context.timeout_s)
    return BinanceVenue("binance", exchange, CAPABILITIES, silence_s=context.silence_s)


CONNECTOR = Connector(name="binance", title="Binance spot", capabilities=CAPABILITIES, open=_open)
