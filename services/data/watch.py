"""Telling people that a market has gone quiet, and that it is back."""

import asyncio
import time
from collections.abc import Iterable

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.service import Alert
from .feed import Feed

_LOOK_INTERVAL_S = 0.5


class StaleWatch:
    """Says once when a feed had no news for `stale_after_s`, and once when it has news again."""

    def __init__(self, bus: AsyncBusApi, exchange: str, stale_after_s: float) -> None:
        self._bus, self._exchange, self._stale_after_s = bus, exchange, stale_after_s
        self._told: set[tuple[str, str]] = set()

    def is_stale(self, feed: Feed) -> bool:
        """No news for too long."""
        return time.monotonic() - feed.news_at > self._stale_after_s

    async def run(self, feeds: Iterable[Feed]) -> None:
        """Look at all feeds, for ever."""
        while True:
            for feed in feeds:
                self._look(feed)
            await asyncio.sleep(_LOOK_INTERVAL_S)

    def _look(self, feed: Feed) -> None:
        market, stale = (feed.symbol, feed.timeframe), self.is_stale(feed)
        if stale == (market in self._told):
            return
        if stale:
            self._told.add(market)
        else:
            self._told.discard(market)
        severity = "warning" if stale else "info"
        label = f"{self._exchange} {feed.symbol} {feed.timeframe}"
        self._bus.publish(
            topics.alert(severity),
            Alert(
                key=f"data.stale.{self._exchange}.{feed.symbol}.{feed.timeframe}",
                severity=severity,
                source="data",
                title=f"No news of {label}" if stale else f"News of {label} again",
                detail=f"Nothing came for {self._stale_after_s:g} s; no entries are made until it does."
                if stale
                else "",
                recovered=not stale,
            ),
        )
