"""What an API key may do, as each venue tells it: a key that may withdraw is refused before anything trades.

Each function takes the ccxt object and returns what the venue says; a venue that answers in another way than
it documents is one that does not tell.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from .venue import KeyPermissions

Ask = Callable[[Any], Awaitable[KeyPermissions]]


async def of_nobody(exchange: Any) -> KeyPermissions:
    """A venue that has no such question."""
    return KeyPermissions()


async def of_kraken(exchange: Any) -> KeyPermissions:
    """POST /0/private/GetApiKeyInfo: `permissions` lists rights such as withdraw-funds."""
    told = _at(await exchange.privatePostGetApiKeyInfo(), "result", "permissions")
    if not isinstance(told, list):
        return KeyPermissions()
    return KeyPermissions(trade="modify-trades" in told, withdraw="withdraw-funds" in told)


async def of_coinbase(exchange: Any) -> KeyPermissions:
    """GET /api/v3/brokerage/key_permissions: `can_transfer` lets money out."""
    raw = await exchange.v3PrivateGetBrokerageKeyPermissions()
    return KeyPermissions(trade=_flag(_at(raw, "can_trade")), withdraw=_flag(_at(raw, "can_transfer")))


async def of_bybit(exchange: Any) -> KeyPermissions:
    """GET /v5/user/query-api: `Withdraw` among the rights of the wallet."""
    told = _at(await exchange.privateGetV5UserQueryApi(), "result")
    rights = _at(told, "permissions")
    if not isinstance(rights, dict):
        return KeyPermissions()
    trades = "SpotTrade" in (rights.get("Spot") or []) and str(_at(told, "readOnly")) == "0"
    return KeyPermissions(trade=trades, withdraw="Withdraw" in (rights.get("Wallet") or []))


async def of_okx(exchange: Any) -> KeyPermissions:
    """GET /api/v5/account/config: `perm` is a list such as read_only,trade,withdraw."""
    data = _at(await exchange.privateGetAccountConfig(), "data")
    perm = _at(data[0], "perm") if isinstance(data, list) and data else None
    if not isinstance(perm, str):
        return KeyPermissions()
    rights = [right.strip() for right in perm.split(",")]
    return KeyPermissions(trade="trade" in rights, withdraw="withdraw" in rights)


def _at(raw: Any, *path: str) -> Any:
    """The value at a path of names; None where there is none."""
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _flag(value: Any) -> bool | None:
    return None if value is None else str(value).lower() == "true"
