"""The exchange's own REST paths under /paper: faults, accounts, deposits. Guarded by an API key.

GET  /paper/info                 what is played, faults, counters
POST /paper/faults               {"kind", "target", "count", "seconds"}
DELETE /paper/faults             all off
POST /paper/accounts             {"name", "balances": {"USDT": "1000"}}: keys of a new account
POST /paper/deposits             {"account", "asset", "amount"}: below zero takes out
"""

from typing import Any

import msgspec
from aiohttp import web

from .desk import deposits
from .faults import KINDS, Fault
from .orders import RefusedError
from .parts import Parts
from .units import parse

_UNUSABLE = (
    msgspec.DecodeError, RecursionError, OverflowError, AttributeError, KeyError, TypeError, ValueError,
)  # fmt: skip


class Admin:
    """Answers /paper/...; what it changes is on disk before it answers."""

    def __init__(self, exchange: Parts) -> None:
        self._exchange = exchange

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        try:
            if self._exchange.desk.account_of(request.headers.get("X-MBX-APIKEY", "")) is None:
                raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
            body = msgspec.json.decode(await request.read() or b"{}")
            if not isinstance(body, dict):
                raise RefusedError(-1100, "The body is not a JSON object.")
            answer = self._answer(f"{request.method} {request.path.rstrip('/')}", body)
            await self._exchange.desk.committed()
        except RefusedError as error:
            return _json({"code": error.code, "msg": error.message}, error.status)
        except _UNUSABLE as error:
            return _json({"code": -1100, "msg": f"The body cannot be used: {error}."}, 400)
        return _json(answer, 200)

    def _answer(self, line: str, body: dict[str, Any]) -> object:
        exchange = self._exchange
        if line == "GET /paper/info":
            return self._info()
        if line == "POST /paper/faults":
            exchange.inject(Fault(
                str(body["kind"]), str(body.get("target", "")), int(body.get("count", 1)),
                float(body.get("seconds", 0.0)),
            ))  # fmt: skip
            return self._info()
        if line == "DELETE /paper/faults":
            exchange.faults.clear()
            return self._info()
        if line == "POST /paper/accounts":
            account = exchange.desk.open_account(str(body["name"]), deposits(body.get("balances", {})))
            return {"name": account.name, "api_key": account.api_key, "api_secret": account.api_secret}
        if line == "POST /paper/deposits":
            amount = parse(str(body["amount"]))
            exchange.desk.deposit(str(body.get("account", "main")), str(body["asset"]), amount)
            return {}
        raise RefusedError(-1000, "This path is not served by the paper exchange.", 404)

    def _info(self) -> dict[str, object]:
        exchange = self._exchange
        return {
            "note": exchange.note,
            "number": exchange.feed.timeline.number,
            "outages": len(exchange.feed.timeline.segments) - 1,
            "accounts": list(exchange.desk.accounts),
            "sockets": len(exchange.hub.connections),
            "faults": [
                {"kind": f.kind, "target": f.target, "count": f.count, "seconds": f.seconds}
                for f in exchange.faults.active
            ],
            "struck": exchange.faults.struck,
            "skew_ms": exchange.faults.skew_ms,
            "kinds": KINDS,
        }


def _json(body: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
