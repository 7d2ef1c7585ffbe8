"""A venue through ccxt's unified interface: good for every exchange that ccxt.pro knows.

ccxt's numbers are made text (`exchange.number = str`), so that no amount or price is ever a float.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from ...configs.errors import CredentialsError, OutcomeUnknownError
from . import translate
from .convert import book_levels, market_from, order_from, text, trade_from
from .permissions import Ask, of_nobody
from .stream import Keeper, Stream, follow
from .venue import (
    Capabilities,
    KeyPermissions,
    Market,
    OrderRequest,
    Resumed,
    UserNews,
    Venue,
    VenueBalance,
    VenueBook,
    VenueCandle,
    VenueMarketTrade,
    VenueOrder,
    VenueTrade,
)

T = TypeVar("T")
_CLOCK_SAMPLES = 3
_PONG_EVERY_MS = 5000


class CcxtVenue(Venue):
    """One ccxt.pro exchange object.

    Args:
        name: the name of this venue in settings, topics and the database.
        exchange: an instance of a class of ccxt.pro; owned and closed by the venue.
        silence_s: market data without news for so long is taken for a dead socket.
        permissions: asks what the key may do.
    """

    def __init__(
        self,
        name: str,
        exchange: Any,
        capabilities: Capabilities,
        *,
        silence_s: float = 30.0,
        permissions: Ask = of_nobody,
    ) -> None:
        self.name, self.capabilities = name, capabilities
        self._exchange, self._silence_s, self._permissions = exchange, silence_s, permissions
        exchange.number = str
        exchange.streaming["keepAlive"] = _PONG_EVERY_MS
        self._errors: tuple[type[Exception], ...] = (translate.ccxt_base_error(), OSError, TimeoutError)
        self._markets: dict[str, Market] = {}
        self._offset_ms = 0
        self._silent_s = float("-inf")
        self._refuse_server_errors()
        translate.quiet_lost_futures()

    async def load_markets(self) -> dict[str, Market]:
        if not self._markets:
            raw = await self._read("load markets", lambda: self._exchange.load_markets(True))
            self._markets = {
                symbol: market_from(market, self._exchange.precisionMode)
                for symbol, market in raw.items()
                if market.get("spot")
            }
        return self._markets

    async def server_time_offset_ms(self) -> int:
        best_trip_ms, offset_ms = float("inf"), 0.0
        for _ in range(_CLOCK_SAMPLES):
            started = time.time() * 1000
            server = await self._read("tell the time", self._exchange.fetch_time)
            ended = time.time() * 1000
            if ended - started < best_trip_ms:
                best_trip_ms, offset_ms = ended - started, float(server) - (started + ended) / 2
        self._offset_ms = round(offset_ms)
        self._exchange.options["timeDifference"] = -self._offset_ms
        return self._offset_ms

    async def fetch_permissions(self) -> KeyPermissions:
        return await self._read("read the key's permissions", lambda: self._permissions(self._exchange))

    async def fetch_balance(self) -> dict[str, VenueBalance]:
        raw = await self._read("fetch balances", self._exchange.fetch_balance)
        return {
            asset: VenueBalance(Decimal(free), Decimal(raw["used"].get(asset) or 0))
            for asset, free in raw["free"].items()
            if free is not None
        }

    async def create_order(self, request: OrderRequest) -> VenueOrder:
        action = f"submit {request.client_id} ({request.side} {request.amount} {request.symbol})"
        answer = await self._send(action, partial(self._submit, request), translate.submit_error, self._order)
        # Many venues answer with little more than their own id.
        return answer if answer.client_id else replace(answer, client_id=request.client_id)

    async def replace_order(
        self, old_client_id: str, request: OrderRequest, *, only_unfilled: bool = False
    ) -> VenueOrder:
        action = f"replace {old_client_id} by {request.client_id}"
        submit = partial(self._submit_replacement, old_client_id, request, only_unfilled)
        return await self._send(action, submit, translate.replace_error, self._order)

    async def _send(
        self,
        action: str,
        submit: Callable[[], Awaitable[Any]],
        meaning: Callable[[str, str, Exception], Exception],
        read: Callable[[Any], T],
    ) -> T:
        """Carry out a submit once, or once more when it was refused for its timestamp alone."""
        try:
            try:
                raw = await submit()
            except self._errors as error:
                if not translate.is_clock_error(error):
                    raise
                await self.server_time_offset_ms()
                raw = await submit()
            return read(raw)
        except self._errors as error:
            await self._after_failure(error)
            raise meaning(self.name, action, error) from error
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise OutcomeUnknownError(
                f"{self.name} answered to {action} in a way that cannot be read."
            ) from error

    async def cancel_order(self, symbol: str, client_id: str, order_id: str = "") -> None:
        try:
            await self._exchange.cancel_order(order_id or None, symbol, self._id_params(client_id, order_id))
        except self._errors as error:
            await self._after_failure(error)
            raise translate.cancel_error(self.name, f"cancel {client_id}", error) from error

    async def fetch_order(self, symbol: str, client_id: str, order_id: str = "") -> VenueOrder | None:
        if not order_id and not self.capabilities.client_ids:
            return await self._search_order(symbol, client_id)
        params = self._id_params(client_id, order_id)

        async def ask() -> Any:
            try:
                return await self._exchange.fetch_order(order_id or None, symbol, params)
            except self._errors as error:
                if translate.is_order_not_found(error):
                    return None
                raise

        raw = await self._read(f"fetch order {client_id}", ask)
        return None if raw is None else self._order(raw)

    async def _search_order(self, symbol: str, client_id: str) -> VenueOrder | None:
        """By our id where the venue takes only its own: among the open orders, then among the latest
        closed.
        """
        for action, method in (("open", "fetch_open_orders"), ("closed", "fetch_closed_orders")):
            listed = await self._read(
                f"fetch {action} orders", partial(getattr(self._exchange, method), symbol)
            )
            for raw in listed:
                if raw.get("clientOrderId") == client_id:
                    return self._order(raw)
        return None

    async def fetch_open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        raw = await self._read("fetch open orders", lambda: self._exchange.fetch_open_orders(symbol))
        return [self._order(order) for order in raw]

    async def fetch_my_trades(
        self, symbol: str, since_ms: int | None = None, from_id: str = ""
    ) -> list[VenueTrade]:
        limit = self.capabilities.trade_limit
        raw = await self._read(
            "fetch my trades", lambda: self._exchange.fetch_my_trades(symbol, since_ms, limit)
        )
        return sorted((trade_from(trade) for trade in raw), key=lambda trade: trade.ts_ms)

    async def watch_user(self) -> AsyncIterator[UserNews]:
        stream: Stream[VenueOrder | VenueTrade] = Stream(f"{self.name}:user")

        async def pull_orders() -> None:
            for raw in await self._exchange.watch_orders():
                stream.push(self._order(raw))

        async def pull_trades() -> None:
            for raw in await self._exchange.watch_my_trades():
                stream.push(trade_from(raw))

        async for item in follow(
            stream, self._keeper(stream, pull_orders), self._keeper(stream, pull_trades)
        ):
            yield item

    async def watch_candles(self, symbol: str, timeframe: str) -> AsyncGenerator[VenueCandle | Resumed, None]:
        stream: Stream[VenueCandle] = Stream(f"{self.name}:candles:{symbol}:{timeframe}")
        forming: dict[int, list[Any]] = {}

        async def pull() -> None:
            # Most venues do not say that a candle is final: it is once a later one came.
            for raw in await self._exchange.watch_ohlcv(symbol, timeframe):
                for open_ms in [key for key in forming if key < raw[0]]:
                    stream.push(self._candle(symbol, timeframe, forming.pop(open_ms), closed=True))
                forming[raw[0]] = list(raw)
                stream.push(self._candle(symbol, timeframe, raw, closed=False))

        async for item in follow(stream, self._keeper(stream, pull, silence_s=self._silence_s)):
            yield item

    async def watch_trades(self, symbol: str) -> AsyncIterator[VenueMarketTrade | Resumed]:
        stream: Stream[VenueMarketTrade] = Stream(f"{self.name}:trades:{symbol}")

        async def pull() -> None:
            for raw in await self._exchange.watch_trades(symbol):
                stream.push(
                    VenueMarketTrade(
                        symbol=symbol,
                        id=str(raw["id"]),
                        ts_ms=int(raw["timestamp"]),
                        side=str(raw["side"]),
                        price=text(raw["price"]),
                        amount=text(raw["amount"]),
                    )
                )

        async for item in follow(stream, self._keeper(stream, pull)):
            yield item

    async def watch_book(self, symbol: str, depth: int = 10) -> AsyncIterator[VenueBook | Resumed]:
        stream: Stream[VenueBook] = Stream(f"{self.name}:book:{symbol}", latest=True)

        async def pull() -> None:
            stream.push(self._book(symbol, await self._exchange.watch_order_book(symbol), depth))

        async for item in follow(stream, self._keeper(stream, pull, silence_s=self._silence_s)):
            yield item

    async def fetch_candles(
        self, symbol: str, timeframe: str, since_ms: int | None = None, limit: int = 500
    ) -> list[VenueCandle]:
        asked = min(limit + 1, self.capabilities.candle_limit)
        raw = await self._read(
            "fetch candles", lambda: self._exchange.fetch_ohlcv(symbol, timeframe, since_ms, asked)
        )
        finished_before_ms = time.time() * 1000 + self._offset_ms - self.timeframe_ms(timeframe)
        finished = [row for row in raw if row[0] <= finished_before_ms]
        chosen = finished[:limit] if since_ms is not None else finished[-limit:]
        return [self._candle(symbol, timeframe, row, closed=True) for row in chosen]

    async def fetch_book(self, symbol: str, depth: int = 10) -> VenueBook:
        raw = await self._read("fetch the book", lambda: self._exchange.fetch_order_book(symbol, depth))
        return self._book(symbol, raw, depth)

    async def close(self) -> None:
        await self._exchange.close()

    def timeframe_ms(self, timeframe: str) -> int:
        """Length of a candle."""
        return int(self._exchange.parse_timeframe(timeframe) * 1000)

    async def _submit(self, request: OrderRequest) -> Any:
        price = None if request.price is None else format(request.price, "f")
        return await self._exchange.create_order(
            request.symbol,
            request.type,
            request.side,
            format(request.amount, "f"),
            price,
            self._order_params(request),
        )

    async def _submit_replacement(
        self, old_client_id: str, request: OrderRequest, only_unfilled: bool
    ) -> Any:
        raise OutcomeUnknownError(f"{self.name} cannot replace an order in one step.")

    def _order_params(self, request: OrderRequest) -> dict[str, Any]:
        params: dict[str, Any] = {"clientOrderId": request.client_id}
        if request.post_only:
            params["postOnly"] = True
        elif request.price is not None:
            params["timeInForce"] = request.time_in_force
        if request.stop_price is not None:
            params["triggerPrice"] = format(request.stop_price, "f")
        return params

    def _id_params(self, client_id: str, order_id: str) -> dict[str, Any]:
        return {} if order_id else {"clientOrderId": client_id}

    def _order(self, raw: dict[str, Any]) -> VenueOrder:
        return order_from(raw)

    def _candle(self, symbol: str, timeframe: str, row: list[Any], *, closed: bool) -> VenueCandle:
        open_, high, low, close, volume = (text(value) for value in row[1:6])
        return VenueCandle(
            symbol=symbol,
            timeframe=timeframe,
            open_ms=int(row[0]),
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            closed=closed,
        )

    def _book(self, symbol: str, raw: Any, depth: int) -> VenueBook:
        ts_ms = int(raw.get("timestamp") or time.time() * 1000)
        return VenueBook(
            symbol=symbol,
            ts_ms=ts_ms,
            bids=book_levels(raw["bids"], depth),
            asks=book_levels(raw["asks"], depth),
        )

    def _keeper(
        self,
        stream: Stream[Any],
        pull: Callable[[], Awaitable[Any]],
        *,
        connect: Callable[[], Awaitable[None]] | None = None,
        silence_s: float = 0.0,
    ) -> Keeper:
        return Keeper(
            stream, pull, recover=self._after_break, errors=self._errors, connect=connect, silence_s=silence_s
        )

    async def _read(self, action: str, call: Callable[[], Awaitable[T]]) -> T:
        try:
            try:
                return await call()
            except self._errors as error:
                if not translate.is_clock_error(error):
                    raise
                await self.server_time_offset_ms()
                return await call()
        except self._errors as error:
            await self._after_failure(error)
            raise translate.read_error(self.name, action, error) from error

    async def _after_break(self, error: Exception) -> None:
        """A stream broke: drop sockets that say nothing, find the venue again, stop when the key is
        refused.
        """
        if isinstance(error, TimeoutError):
            await self._drop_silent_sockets()
        translated = translate.read_error(self.name, "stream", error)
        if isinstance(translated, CredentialsError):
            raise translated
        await self._after_failure(error)

    async def _after_failure(self, error: Exception) -> None:
        """Called after each failed call; a venue whose address may change looks it up here."""

    async def _drop_silent_sockets(self) -> None:
        limit_ms = time.time() * 1000 - self._silence_s * 1000
        lost = self._is_silent_again()
        for client in list(self._exchange.clients.values()):
            silent = lost or (client.last_message_at or 0) < limit_ms
            if silent and client.isConnected and not self._is_private(client.url):
                self._exchange.clients.pop(client.url, None)
                client.reject(ConnectionError("silent socket"))
                await asyncio.shield(client.aiohttp_close())

    def _is_silent_again(self) -> bool:
        """Whether this is the second silence in a row: a socket may speak on while one of its subscriptions
        was lost, and only a new socket subscribes anew.
        """
        since_s = time.monotonic() - self._silent_s
        if since_s > self._silence_s / 2:
            self._silent_s = time.monotonic()
        return self._silence_s / 2 < since_s < self._silence_s * 2

    def _is_private(self, url: str) -> bool:
        return False

    def _refuse_server_errors(self) -> None:
        """Any HTTP 5xx is `not available`, whatever its body says: a body must not turn unknown into
        refused.
        """
        original = self._exchange.handle_errors

        def handle(code: int, reason: str, url: str, *rest: Any) -> Any:
            if isinstance(code, int) and code >= 500:
                raise translate.not_available(f"HTTP {code} {reason}")
            return original(code, reason, url, *rest)

        self._exchange.handle_errors = handle
