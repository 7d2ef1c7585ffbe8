"""The HTTP side: one loopback port for REST and WebSockets."""

import msgspec
import structlog
from aiohttp import web

from . import account_calls, list_calls, market_calls, signing, trade_calls
from .admin import Admin
from .calls import REST, Call, Endpoint, Security
from .faults import Hang
from .limits import RateLimitedError
from .orders import RefusedError
from .parts import Parts
from .sockets import open_socket

_log = structlog.get_logger(component="paper")
_encode = msgspec.json.Encoder().encode
SERVING = (account_calls, list_calls, market_calls, trade_calls)
"""Modules that register their endpoints when they are imported."""
_JSON = {"Content-Type": "application/json;charset=UTF-8"}


class Server:
    """Answers requests for one exchange."""

    def __init__(self, exchange: Parts) -> None:
        self._exchange, self._admin = exchange, Admin(exchange)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request of the port."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            combined = "/stream" in request.path
            return await open_socket(self._exchange, request, combined)
        if request.path.startswith("/paper/"):
            return await self._admin.handle(request)
        now = self._exchange.clock()
        headers = dict(_JSON)
        try:
            answer = await self._exchange.faults.around(
                f"{request.method} {request.path}", lambda: self._answer(request, headers, now)
            )
        except Hang:
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=504)
        except RefusedError as error:
            return failure(error, headers)
        except Exception as error:
            _log.exception("a request failed", verb=request.method, path=request.path)
            return failure(broken(error), headers)
        return answer

    async def _answer(
        self, request: web.BaseRequest, headers: dict[str, str], now: int
    ) -> web.StreamResponse:
        try:
            endpoint = find(request.method, request.path)
            address = request.remote or ""
            weight = endpoint.weight
            headers["X-MBX-USED-WEIGHT-1M"] = headers["X-MBX-USED-WEIGHT"] = str(
                self._exchange.limits.used(address, now) + weight
            )
            self._exchange.limits.charge(address, weight, now)
            call = await self._call(request, endpoint, now)
            if endpoint.ordering:
                for name, count in self._exchange.limits.order(call.owner, endpoint.ordering, now).items():
                    headers[f"X-MBX-ORDER-COUNT-{name}"] = str(count)
            result = await endpoint.handler(call)
        except RefusedError as error:
            return failure(error, headers)
        return web.Response(body=_encode(result), headers=headers)

    async def _call(self, request: web.BaseRequest, endpoint: Endpoint, now: int) -> Call:
        """Read and, where the endpoint wants it, verify a request."""
        _, _, query = request.raw_path.partition("?")
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        parameters, signed, signature = signing.split(query)
        in_body, signed_body, body_signature = signing.split(body)
        parameters = in_body | parameters
        account = signing.authenticate(self._exchange.desk, endpoint, request.headers.get("X-MBX-APIKEY", ""))
        if account is not None and endpoint.security is Security.SIGNED:
            signature = signature or body_signature
            signing.verify(account, parameters, (signed + signed_body,), signature, self._exchange.clock())
        return Call(self._exchange, parameters, account, now)


def find(verb: str, path: str) -> Endpoint:
    """The endpoint of a path; clients that were given the address without /api find it too.

    Raises:
        RefusedError: 404, nothing is served there.
    """
    path = path.rstrip("/")
    endpoint = REST.get((verb, path)) or REST.get((verb, "/api" + path))
    if endpoint is None:
        raise account_calls.unknown()
    return endpoint


def broken(error: Exception) -> RefusedError:
    """What a client is told when the exchange itself fails: the outcome is unknown."""
    return RefusedError(-1000, f"The paper exchange failed: {type(error).__name__}.", 500)


def failure(error: RefusedError, headers: dict[str, str]) -> web.Response:
    """An error as Binance words it."""
    body: dict[str, object] = {"code": error.code, "msg": error.message}
    if isinstance(error, trade_calls.ReplaceError):
        body["data"] = error.data
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(error.after_s)
    return web.Response(status=error.status, body=_encode(body), headers=headers)
