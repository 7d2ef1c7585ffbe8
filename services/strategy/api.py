"""Everything a strategy author needs: `from cryptobot import Strategy, Parameter, ema, cross_up`.

docs/strategies.md explains it with examples. Importing this loads neither the bus nor numpy.
"""

from .base import INTERFACE_VERSION, Candle, Fill, Money, Order, Position, Strategy, scheduled
from .declare import (
    Bands,
    Macd,
    Stochastic,
    atr,
    bollinger,
    donchian,
    ema,
    highest,
    lowest,
    macd,
    rma,
    roc,
    rsi,
    sma,
    stddev,
    stochastic,
    true_range,
    vwap,
    zscore,
)
from .feeds import Feed
from .lines import CLOSE, HIGH, LOW, OPEN, VOLUME, Line, Signal, cross_down, cross_up, every
from .parameters import Parameter
from .talib_lines import talib

__all__ = [  # noqa: RUF022 - grouped for readers
    # the class, and what it is told
    "INTERFACE_VERSION",
    "Strategy",
    "Parameter",
    "Candle",
    "Position",
    "Fill",
    "Order",
    "Money",
    # further markets and timeframes
    "Feed",
    # lines of the candle
    "OPEN",
    "HIGH",
    "LOW",
    "CLOSE",
    "VOLUME",
    # kinds of declarations
    "Line",
    "Signal",
    # signals
    "cross_up",
    "cross_down",
    "every",
    "scheduled",
    # averages
    "sma",
    "ema",
    "rma",
    "vwap",
    # oscillators
    "rsi",
    "macd",
    "Macd",
    "stochastic",
    "Stochastic",
    "roc",
    "zscore",
    # ranges and channels
    "true_range",
    "atr",
    "stddev",
    "bollinger",
    "donchian",
    "Bands",
    "highest",
    "lowest",
    # everything else that TA-Lib has, where it is installed
    "talib",
]
