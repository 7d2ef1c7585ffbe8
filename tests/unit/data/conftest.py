"""A venue whose candles and socket are scripted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptobot.configs.errors import RetryLaterError
from cryptobot.services.connectors.venue import Capabilities, Resumed, VenueCandle

STEP = 1000


def candle(index: int, close: float = 100.0, *, closed: bool = True) -> VenueCandle:
    """The candle that opens at `index` seconds."""
    text = str(close)
    return VenueCandle(
        symbol="BTC/USDT",
        timeframe="1s",
        open_ms=index * STEP,
        open=text,
        high=text,
        low=text,
        close=text,
        volume="1.5",
        closed=closed,
    )


class ScriptedVenue:
    """The part of a venue that data reads."""

    name = "paper"
    capabilities = Capabilities(candle_limit=10)

    def __init__(self) -> None:
        self.has: dict[int, VenueCandle] = {}
        self.failures = 0
        self.script: list[VenueCandle | Resumed] = []
        self.asked: list[tuple[int, int]] = []

    def holds(self, *indexes: int) -> None:
        """The candles that a fetch finds."""
        self.has.update({index * STEP: candle(index, 500.0 + index) for index in indexes})

    async def fetch_candles(
        self, symbol: str, timeframe: str, since_ms: int | None = None, limit: int = 500
    ) -> list[VenueCandle]:
        assert since_ms is not None
        self.asked.append((since_ms // STEP, limit))
        if self.failures:
            self.failures -= 1
            raise RetryLaterError("the venue is busy")
        found = [self.has[key] for key in sorted(self.has) if key >= since_ms]
        return [item for item in found if item.open_ms < since_ms + limit * STEP][:limit]

    async def watch_candles(self, symbol: str, timeframe: str) -> AsyncIterator[VenueCandle | Resumed]:
        for item in self.script:
            yield item


@pytest.fixture
def venue() -> ScriptedVenue:
    return ScriptedVenue()


@pytest.fixture
def make_candle() -> Any:
    return candle
