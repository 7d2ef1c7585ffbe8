"""Coinbase Advanced, through ccxt.pro's unified interface."""

from .generic import ccxt_connector
from .permissions import of_coinbase
from .venue import Capabilities

CONNECTOR = ccxt_connector(
    "coinbase",
    "Coinbase Advanced",
    Capabilities(
        client_ids=False, trades_all_symbols=True, post_only=True, candle_limit=300, trade_limit=100
    ),
    permissions=of_coinbase,
)
