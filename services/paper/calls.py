"""Calls of the API, the same over REST and the WebSocket API: parameters, security, the list of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from . import orders as o
from .desk import Account
from .orders import RefusedError
from .parts import Parts
from .units import PrecisionError, parse

MAX_CLIENT_ID = 36
_MAX_DIGITS = 18
"""Of a whole number: what 64 bits hold for certain."""


class Security(Enum):
    """What a caller must show."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(slots=True)
class Call:
    """One request: who asks, with what."""

    exchange: Parts
    parameters: dict[str, str]
    account: Account | None = None
    now_ms: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Name of the account that signed."""
        assert self.account is not None, "the call is signed"
        return self.account.name

    def text(self, name: str, default: str | None = None) -> str:
        """A parameter.

        Raises:
            RefusedError: -1102, it is missing and there is no default.
        """
        value = self.parameters.get(name, "")
        if value:
            return value
        if default is None:
            raise missing(name)
        return default

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number, not negative."""
        value = self.text(name, None if default is None else str(default))
        if not value.isascii() or not value.isdigit() or len(value) > _MAX_DIGITS:
            raise illegal(name)
        return int(value)

    def optional_integer(self, name: str) -> int | None:
        return self.integer(name) if self.parameters.get(name) else None

    def amount(self, name: str, required: bool = False) -> int:
        """A decimal above zero in units; 0 when it is not given and not required."""
        value = self.parameters.get(name, "")
        if not value:
            if required:
                raise missing(name)
            return 0
        try:
            units = parse(value)
        except PrecisionError:
            raise RefusedError(-1111, f"Parameter '{name}' has too much precision.") from None
        except ValueError:
            raise illegal(name) from None
        if units < 0:
            raise illegal(name)
        return units

    def symbol(self) -> str:
        """A market that exists."""
        name = self.text("symbol")
        return self.exchange.engine.market(name).rules.symbol

    def choice(
        self, name: str, allowed: tuple[str, ...], default: str | None, code: int, message: str
    ) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in allowed:
            raise RefusedError(code, message)
        return value

    def limit(self, default: int, most: int) -> int:
        value = self.integer("limit", default)
        if value < 1:
            raise illegal("limit")
        return min(value, most)

    def client_id(self, name: str) -> str:
        value = self.text(name, "")
        legal = all(c.isascii() and (c.isalnum() or c in ".-:/_") for c in value)
        if len(value) > MAX_CLIENT_ID or not legal:
            raise illegal(name)
        return value

    def named_order(self) -> tuple[str, int, str]:
        """(symbol, orderId or 0, origClientOrderId or "") of the order that is meant.

        Raises:
            RefusedError: -1102, neither name was given.
        """
        symbol, order_id = self.symbol(), self.integer("orderId", 0)
        client_id = self.text("origClientOrderId", "")
        if not order_id and not client_id:
            message = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            raise RefusedError(-1102, message)
        return symbol, order_id, client_id

    def find_order(self) -> o.Order:
        """The order named by orderId or origClientOrderId, open or not.

        Raises:
            RefusedError: -2013, there is none.
        """
        symbol, order_id, client_id = self.named_order()
        engine, storage = self.exchange.engine, self.exchange.storage
        found = engine.find_open(self.owner, symbol, order_id, client_id)
        found = found or storage.order(self.owner, symbol, order_id, client_id)
        if found is None or (client_id and found.client_id != client_id):
            raise RefusedError(-2013, "Order does not exist.")
        return found


def missing(name: str) -> RefusedError:
    return RefusedError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str) -> RefusedError:
    return RefusedError(-1100, f"Illegal characters found in parameter '{name}'.")


Handler = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked.

    Args:
        weight: what it costs of the request limit.
        ordering: counts as a new order as well.
    """

    handler: Handler
    security: Security
    weight: int
    ordering: int = 0


REST: dict[tuple[str, str], Endpoint] = {}
"""(verb, path) of everything that REST serves."""
SOCKET: dict[str, Endpoint] = {}
"""Method of everything that the WebSocket API serves."""


def endpoint(
    *rest: str, method: str = "", security: Security = Security.NONE, weight: int = 1, ordering: int = 0
) -> Callable[[Handler], Handler]:
    """Register a handler: "GET /api/v3/time" and the like, and the WebSocket API's method."""

    def register(handler: Handler) -> Handler:
        made = Endpoint(handler, security, weight, ordering)
        for line in rest:
            verb, _, path = line.partition(" ")
            REST[verb, path] = made
        for name in method.split():
            SOCKET[name] = made
        return handler

    return register
