"""When the candles of further series are shown to a run that goes candle by candle."""

from collections.abc import Mapping

import numpy as np

from ...bus.contracts.market import timeframe_ms
from ..data.columns import Columns
from ..strategy.feeds import FeedKey


def queues(others: Mapping[FeedKey, Columns], candle_ms: int, candles: Columns) -> dict[FeedKey, list[int]]:
    """For each further series: how many of its candles were finished before each own close."""
    found = {}
    for key, columns in others.items():
        closes = columns.open_ms + timeframe_ms(key.timeframe)
        upto = np.searchsorted(closes, candles.open_ms + candle_ms, side="right")
        found[key] = [0, *upto.tolist()]
    return found
