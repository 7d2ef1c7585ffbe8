"""One market as it is played."""

from .depth import Depth
from .klines import Candles
from .matching import Engine
from .scripts import Script


class Tape:
    """One market: its script, candles and book."""

    def __init__(
        self, engine: Engine, symbol: str, script: Script, interval_ms: int, first_update_id: int
    ) -> None:
        self.symbol, self.interval_ms = symbol, interval_ms
        self.stream = symbol.lower()
        self.script = script
        self.market = engine.market(symbol)
        self.candles = Candles()
        self.depth = Depth(self.market, first_update_id)
