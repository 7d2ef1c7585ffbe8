"""Ids that are the same however often they are made."""

import hashlib
import re

CLIENT_ORDER_ID = re.compile(r"^[a-zA-Z0-9\-_]{1,36}$")
_PREFIX = "cb"
_HEX_DIGITS = 32
_MARK_DIGITS = 2
MAIN = "main"


def client_order_id(exchange: str, intent_id: str, account: str = MAIN) -> str:
    """The id under which a venue knows the order of an intent: the same intent, the same id, for ever.

    Those of another account than main are others, and begin with a mark of that account.
    """
    if account == MAIN:
        return _PREFIX + _digest(f"{exchange}\0{intent_id}")[:_HEX_DIGITS]
    mark = _digest(account)[:_MARK_DIGITS]
    return _PREFIX + mark + _digest(f"{exchange}\0{intent_id}\0{account}")[: _HEX_DIGITS - _MARK_DIGITS]


def external_order_id(exchange: str, exchange_order_id: str, account: str = MAIN) -> str:
    """Our id of an order that somebody else placed."""
    place = exchange if account == MAIN else f"{exchange}-{account}"
    return f"ext-{place}-{exchange_order_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
