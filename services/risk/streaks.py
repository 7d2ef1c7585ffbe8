"""Pauses after trades: cool-downs, losing streaks, stop-loss streaks. Pure, from the trades that ended.

What is paused follows from the trades alone, so it survives everything that the trades survive.
"""

from collections.abc import Iterable, Sequence

from ...bus.contracts.risk import RiskBlock
from ...configs.sections.risk import RiskSettings
from ..accounting.subpositions import ClosedTrade


def blocks(
    trades: Sequence[ClosedTrade], settings: RiskSettings, now_ms: int, lifted_ms: int
) -> list[RiskBlock]:
    """Every pause in force.

    Args:
        trades: ended ones, oldest first.
        lifted_ms: a person has ended all pauses then; what came before does not count.
    """
    oldest = now_ms - int(settings.streak_window_s * 1000)
    recent = [trade for trade in trades if trade.closed_ms > lifted_ms]
    counted = [trade for trade in recent if trade.closed_ms > oldest]
    found = [
        *_cool_downs(recent, settings),
        *_losing(counted, settings),
        *_losing_everywhere(counted, settings),
        *_stopped(counted, settings),
        *_stopped_everywhere(counted, settings),
    ]
    return [block for block in found if block.until_ms > now_ms]


def _cool_downs(trades: Iterable[ClosedTrade], settings: RiskSettings) -> list[RiskBlock]:
    if not settings.cooldown_s:
        return []
    last = {trade.symbol: trade.closed_ms for trade in trades}
    return [
        _block(
            "symbol",
            symbol,
            "",
            "cooldown",
            closed_ms + int(settings.cooldown_s * 1000),
            f"{symbol} rests for {_length(settings.cooldown_s)} after a trade (risk.cooldown_s).",
        )
        for symbol, closed_ms in last.items()
    ]


def _losing(trades: Sequence[ClosedTrade], settings: RiskSettings) -> list[RiskBlock]:
    if not settings.losing_streak:
        return []
    found = []
    for owner, symbol in sorted({(trade.owner, trade.symbol) for trade in trades}):
        own = [trade for trade in trades if (trade.owner, trade.symbol) == (owner, symbol)]
        streak = _streak(own)
        if streak >= settings.losing_streak:
            sentence = (
                f"{owner} lost {streak} trades in a row in {symbol} and pauses there for "
                f"{_length(settings.streak_pause_s)} (risk.losing_streak is {settings.losing_streak})."
            )
            until = _until(own[-1], settings)
            found.append(_block("strategy", owner, symbol, "losing_streak", until, sentence))
    return found


def _losing_everywhere(trades: Sequence[ClosedTrade], settings: RiskSettings) -> list[RiskBlock]:
    streak = _streak(trades)
    if not settings.losing_streak_global or streak < settings.losing_streak_global:
        return []
    sentence = (
        f"{streak} trades in a row were lost; everything pauses for {_length(settings.streak_pause_s)} "
        f"(risk.losing_streak_global is {settings.losing_streak_global})."
    )
    return [_block("all", "", "", "losing_streak_global", _until(trades[-1], settings), sentence)]


def _stopped(trades: Sequence[ClosedTrade], settings: RiskSettings) -> list[RiskBlock]:
    if not settings.stop_streak:
        return []
    found = []
    for symbol in sorted({trade.symbol for trade in trades}):
        own = [trade for trade in trades if trade.symbol == symbol and trade.stopped and trade.profit < 0]
        if len(own) >= settings.stop_streak:
            sentence = (
                f"{symbol} was stopped out {len(own)} times within {_length(settings.streak_window_s)} and "
                f"pauses for {_length(settings.streak_pause_s)} (risk.stop_streak is {settings.stop_streak})."
            )
            found.append(_block("symbol", symbol, "", "stop_streak", _until(own[-1], settings), sentence))
    return found


def _stopped_everywhere(trades: Sequence[ClosedTrade], settings: RiskSettings) -> list[RiskBlock]:
    own = [trade for trade in trades if trade.stopped and trade.profit < 0]
    if not settings.stop_streak_global or len(own) < settings.stop_streak_global:
        return []
    sentence = (
        f"{len(own)} trades were stopped out within {_length(settings.streak_window_s)}; all of them pause "
        f"for {_length(settings.streak_pause_s)} (risk.stop_streak_global is {settings.stop_streak_global})."
    )
    return [_block("all", "", "", "stop_streak_global", _until(own[-1], settings), sentence)]


def _streak(trades: Sequence[ClosedTrade]) -> int:
    """Losing trades in a row, the newest of them the last trade."""
    count = 0
    for trade in reversed(trades):
        if trade.profit >= 0:
            break
        count += 1
    return count


def _until(last: ClosedTrade, settings: RiskSettings) -> int:
    return last.closed_ms + int(settings.streak_pause_s * 1000)


def _block(scope: str, name: str, symbol: str, code: str, until_ms: int, sentence: str) -> RiskBlock:
    return RiskBlock(scope=scope, name=name, symbol=symbol, code=code, sentence=sentence, until_ms=until_ms)


def _length(seconds: float) -> str:
    """`90 s`, `15 min`, `24 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
