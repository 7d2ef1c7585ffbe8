"""A connector for any exchange of ccxt.pro, by its name."""

import importlib
from typing import Any

from . import lazy
from .ccxt_venue import CcxtVenue
from .connector import Connector, OpenContext
from .permissions import Ask, of_nobody
from .venue import Capabilities, Venue

CAPABILITIES = Capabilities(client_ids=False, post_only=False, candle_limit=300, trade_limit=100)


def ccxt_connector(
    name: str, title: str = "", capabilities: Capabilities = CAPABILITIES, *, permissions: Ask = of_nobody
) -> Connector:
    """A connector on ccxt's unified interface.

    Args:
        name: as ccxt names the exchange.
        capabilities: what is known of it; the default expects little.
        permissions: asks what the key may do.
    """

    async def open_(context: OpenContext) -> Venue:
        exchange = make_exchange(name, context)
        return CcxtVenue(name, exchange, capabilities, silence_s=context.silence_s, permissions=permissions)

    return Connector(name=name, title=title or name, capabilities=capabilities, open=open_)


def make_exchange(name: str, context: OpenContext) -> Any:
    """The ccxt.pro object; only this exchange's code is imported."""
    lazy.install()
    exchange_class = getattr(importlib.import_module(f"ccxt.pro.{name}"), name)
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": round(context.timeout_s * 1000),
        "newUpdates": True,
    }
    if context.credentials is not None:
        config |= {"apiKey": context.credentials.key, "secret": context.credentials.secret}
        if context.credentials.password:
            config["password"] = context.credentials.password
    return exchange_class(config)
