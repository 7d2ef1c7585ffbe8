"""Bybit spot, through ccxt.pro's unified interface."""

from .generic import ccxt_connector
from .permissions import of_bybit
from .venue import Capabilities

CONNECTOR = ccxt_connector(
    "bybit",
    "Bybit spot",
    Capabilities(
        client_ids=True,
        trades_all_symbols=True,
        post_only=True,
        candle_limit=1000,
        trade_limit=100,
    ),
    permissions=of_bybit,
)
