"""Ids that are the same however often they are made."""

import hashlib
import re

CLIENT_ORDER_ID = re.compile(r"^[a-zA-Z0-9\-_]{1,36}$")
_PREFIX = "cb"
_HEX_DIGITS = 32


def client_order_id(exchange: str, intent_id: str) -> str:
    """The id under which a venue knows the order of an intent: the same intent, the same id, for ever."""
    digest = hashlib.sha256(f"{exchange}\0{intent_id}".encode()).hexdigest()
    return _PREFIX + digest[:_HEX_DIGITS]


def external_order_id(exchange: str, exchange_order_id: str) -> str:
    """Our id of an order that somebody else placed."""
    return f"ext-{exchange}-{exchange_order_id}"
