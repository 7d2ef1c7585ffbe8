"""Kraken spot, through ccxt.pro's unified interface."""

from .generic import ccxt_connector
from .permissions import of_kraken
from .venue import Capabilities

CONNECTOR = ccxt_connector(
    "kraken",
    "Kraken spot",
    Capabilities(client_ids=False, trades_all_symbols=True, post_only=True, candle_limit=720, trade_limit=50),
    permissions=of_kraken,
)
