"""WebSockets: market streams at /ws and /stream, and the WebSocket API at /ws-api/v3."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from . import signing
from .calls import SOCKET, Call, Endpoint, Security
from .desk import Account
from .faults import Hang
from .limits import RateLimitedError
from .orders import RefusedError
from .parts import USER, Parts
from .streams import Connection
from .trade_calls import ReplaceError

_log = structlog.get_logger(component="paper")
PING_S = 20.0
MAX_MESSAGE = 65_536
_MAX_STREAMS = 1_024


class Number(str):
    """A JSON number in the client's own digits, which are what it signed."""

    __slots__ = ()


async def open_socket(
    exchange: Parts, request: web.BaseRequest, combined: bool
) -> web.StreamResponse:
    """Accept a socket, run its two directions until it ends."""
    socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MAX_MESSAGE, compress=False)
    await socket.prepare(request)
    connection = Connection(socket, request.transport, combined)
    exchange.hub.join(connection)
    pump = asyncio.create_task(connection.pump(), name="paper:socket")
    try:
        if request.path.startswith("/ws-api"):
            await Commands(exchange, connection, request).listen()
        else:
            await Streams(exchange, connection).listen(request)
    finally:
        exchange.hub.leave(connection)
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump
        if not socket.closed:
            await socket.close()
    return socket


class Streams:
    """A market-data socket: streams named in its path, and SUBSCRIBE and the like."""

    def __init__(self, exchange: Parts, connection: Connection) -> None:
        self._exchange, self._connection = exchange, connection

    async def listen(self, request: web.BaseRequest) -> None:
        for name in named(request):
            self._subscribe(name)
        async for message in self._connection.socket:
            if message.type is WSMsgType.TEXT:
                self._connection.send_json(self._answer(message.data))

    def _subscribe(self, name: str) -> None:
        owner = self._exchange.listen_keys.owner(name)
        self._exchange.hub.subscribe(self._connection, USER + owner if owner else name)

    def _answer(self, data: str) -> dict[str, object]:
        try:
            request = json.loads(data)
            number, method = request.get("id"), request["method"]
            names = request.get("params", [])
            if not isinstance(names, list):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            return _invalid("not a JSON request", None)
        hub, connection = self._exchange.hub, self._connection
        if method == "SUBSCRIBE":
            if len(connection.streams) + len(names) > _MAX_STREAMS:
                return _invalid(f"more than {_MAX_STREAMS} streams", number)
            for name in names:
                self._subscribe(str(name))
        elif method == "UNSUBSCRIBE":
            for name in names:
                hub.unsubscribe(connection, str(name))
        elif method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(s for s in connection.streams if not s.startswith(USER)), "id": number}
        elif method == "SET_PROPERTY" and len(names) == 2 and names[0] == "combined":
            connection.combined = bool(names[1])
        elif method == "GET_PROPERTY" and names == ["combined"]:
            return {"result": connection.combined, "id": number}
        else:
            return _invalid(f"unknown method {method}", number)
        return {"result": None, "id": number}


def _invalid(reason: str, number: object) -> dict[str, object]:
    return {"error": {"code": 2, "msg": f"Invalid request: {reason}"}, "id": number}


def named(request: web.BaseRequest) -> list[str]:
    """Streams in a socket's address: /ws/a/b, /stream?streams=a/b, and whatever clients make of these."""
    names = request.query.get("streams", "").split("/")
    parts = [part for part in request.path.split("/") if part not in ("", "ws", "stream")]
    names += [part for part in parts if not part.isdigit()]
    names.append(request.query.get("listenKey", ""))
    return [name for name in names if name]


class Commands:
    """The WebSocket API: the same calls as REST, by name, and one's own events on the same socket."""

    def __init__(self, exchange: Parts, connection: Connection, request: web.BaseRequest) -> None:
        self._exchange, self._connection = exchange, connection
        self._address = request.remote or ""
        self._subscribed: dict[int, str] = {}
        self._next = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        self._exchange.listeners.add(self)
        try:
            async for message in self._connection.socket:
                if message.type is WSMsgType.TEXT:
                    task = asyncio.create_task(self._carry_out(message.data), name="paper:command")
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        finally:
            self._exchange.listeners.discard(self)

    def tell(self, account: str, event: dict[str, object]) -> None:
        """Send an account's event once for each subscription to it."""
        for number, owner in self._subscribed.items():
            if owner == account:
                self._connection.send_json({"subscriptionId": number, "event": event})

    @property
    def connection(self) -> Connection:
        return self._connection

    async def _carry_out(self, data: str) -> None:
        number: object = None
        try:
            request = json.loads(data, parse_int=Number, parse_float=Number)
            given = request.get("id")
            number = int(given) if isinstance(given, Number) else given
            method, parameters = request["method"], _texts(request.get("params") or {})
        except (ValueError, KeyError, TypeError, AttributeError):
            error = {"code": -1000, "msg": "Invalid JSON request."}
            self._connection.send_json({"id": number, "status": 400, "error": error})
            return
        try:
            answer = await self._exchange.faults.around(method, lambda: self._answer(str(method), parameters))
        except Hang:
            return
        except RefusedError as error:
            answer = _failure(error)
        except Exception as error:
            _log.exception("a command failed", method=method)
            failed = {"code": -1000, "msg": f"The paper exchange failed: {type(error).__name__}."}
            answer = {"status": 500, "error": failed}
        self._connection.send_json({"id": number, **answer})

    async def _answer(self, method: str, parameters: dict[str, str]) -> dict[str, object]:
        now = self._exchange.clock()
        limits = self._exchange.limits
        try:
            endpoint = SOCKET.get(method)
            own = getattr(self, "_own_" + method.replace(".", "_"), None)
            if own is None and endpoint is None:
                raise RefusedError(-1000, f"Unknown method {method!r}.")
            limits.charge(self._address, endpoint.weight if endpoint else 2, now)
            result = await own(parameters) if own else await self._call(endpoint, parameters, now)
        except RefusedError as error:
            return _failure(error)
        answer: dict[str, object] = {"status": 200, "result": result}
        if parameters.get("returnRateLimits", "true") != "false":
            used = limits.used(self._address, now)
            answer["rateLimits"] = [{**limits.describe()[0], "count": used}]
        return answer

    async def _call(self, endpoint: Endpoint | None, parameters: dict[str, str], now: int) -> object:
        assert endpoint is not None, "checked by the caller"
        account = self._authenticated(endpoint, parameters)
        if account is not None and endpoint.ordering:
            self._exchange.limits.order(account.name, endpoint.ordering, now)
        return await endpoint.handler(Call(self._exchange, parameters, account, now))

    def _authenticated(self, endpoint: Endpoint, parameters: dict[str, str]) -> Account | None:
        account = signing.authenticate(self._exchange.desk, endpoint, parameters.get("apiKey", ""))
        if account is not None and endpoint.security is Security.SIGNED:
            texts, signature = signing.socket_texts(parameters), parameters.get("signature", "")
            signing.verify(account, parameters, texts, signature, self._exchange.clock())
        return account

    # methods that belong to the socket itself

    async def _own_userDataStream_subscribe_signature(self, parameters: dict[str, str]) -> object:  # noqa: N802 Binance's name
        signed = SOCKET["account.status"]
        account = self._authenticated(signed, parameters)
        assert account is not None, "the endpoint is signed"
        number, self._next = self._next, self._next + 1
        self._subscribed[number] = account.name
        return {"subscriptionId": number}

    async def _own_userDataStream_unsubscribe(self, parameters: dict[str, str]) -> object:  # noqa: N802 Binance's name
        if "subscriptionId" in parameters:
            self._subscribed.pop(int(parameters["subscriptionId"]), None)
        else:
            self._subscribed.clear()
        return {}

    async def _own_session_status(self, parameters: dict[str, str]) -> object:
        return {
            "apiKey": None, "authorizedSince": None, "connectedSince": self._exchange.clock(),
            "returnRateLimits": True, "serverTime": self._exchange.clock(),
            "userDataStream": bool(self._subscribed),
        }  # fmt: skip

    async def _own_session_subscriptions(self, parameters: dict[str, str]) -> object:
        return [{"subscriptionId": number} for number in self._subscribed]

    async def _own_session_logon(self, parameters: dict[str, str]) -> object:
        raise RefusedError(-4056, "HMAC_SHA256 API key is not supported.")


def _texts(parameters: dict[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in parameters.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _failure(error: RefusedError) -> dict[str, object]:
    body: dict[str, object] = {"code": error.code, "msg": error.message}
    if isinstance(error, ReplaceError):
        body["data"] = error.data
    if isinstance(error, RateLimitedError):
        body["data"] = {"retryAfter": error.after_s}
    return {"status": error.status, "error": body}
