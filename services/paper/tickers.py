"""Events and answers about the last 24 hours, and the candle event."""

from .klines import INTERVALS, MONTH, Kline, close_time
from .tape import Tape
from .units import UNIT, text

_DAY_MS = 86_400_000


def day(tape: Tape, now_ms: int) -> Kline:
    """The last 24 hours as one candle (whole minutes, or recorded candles where those are longer)."""
    since = now_ms - _DAY_MS
    names = [n for n, ms in INTERVALS.items() if ms >= max(60_000, tape.interval_ms)] or [MONTH]
    whole: Kline | None = None
    for kline in tape.candles.series[names[0]].newest_first():
        if kline.open_ms < since and whole is not None:
            break
        whole = _before(kline, whole)
    return whole or Kline(since, *([tape.market.last] * 4))


def ticker(tape: Tape, now_ms: int) -> dict[str, object]:
    """As GET /api/v3/ticker/24hr."""
    whole = day(tape, now_ms)
    bid, bid_quantity, ask, ask_quantity = tape.depth.best()
    change = whole.close - whole.open
    last = tape.market.tape[-1] if tape.market.tape else None
    average = whole.quote_volume * UNIT // whole.volume if whole.volume else whole.close
    return {
        "symbol": tape.symbol, "priceChange": text(change),
        "priceChangePercent": f"{change * 100 / whole.open:.3f}" if whole.open else "0.000",
        "weightedAvgPrice": text(average), "prevClosePrice": text(whole.open),
        "lastPrice": text(tape.market.last), "lastQty": text(last.quantity if last else 0),
        "bidPrice": text(bid), "bidQty": text(bid_quantity), "askPrice": text(ask),
        "askQty": text(ask_quantity), "openPrice": text(whole.open), "highPrice": text(whole.high),
        "lowPrice": text(whole.low), "volume": text(whole.volume),
        "quoteVolume": text(whole.quote_volume), "openTime": now_ms - _DAY_MS, "closeTime": now_ms,
        "firstId": tape.market.tape[0].trade_id if last else -1, "lastId": last.trade_id if last else -1,
        "count": whole.trades,
    }  # fmt: skip


def ticker_event(tape: Tape, now_ms: int) -> dict[str, object]:
    t = ticker(tape, now_ms)
    return {
        "e": "24hrTicker", "E": t["closeTime"], "s": t["symbol"], "p": t["priceChange"],
        "P": t["priceChangePercent"], "w": t["weightedAvgPrice"], "x": t["prevClosePrice"],
        "c": t["lastPrice"], "Q": t["lastQty"], "b": t["bidPrice"], "B": t["bidQty"], "a": t["askPrice"],
        "A": t["askQty"], "o": t["openPrice"], "h": t["highPrice"], "l": t["lowPrice"], "v": t["volume"],
        "q": t["quoteVolume"], "O": t["openTime"], "C": t["closeTime"], "F": t["firstId"],
        "L": t["lastId"], "n": t["count"],
    }  # fmt: skip


def mini_event(tape: Tape, now_ms: int) -> dict[str, object]:
    whole = day(tape, now_ms)
    return {
        "e": "24hrMiniTicker", "E": now_ms, "s": tape.symbol, "c": text(tape.market.last),
        "o": text(whole.open), "h": text(whole.high), "l": text(whole.low), "v": text(whole.volume),
        "q": text(whole.quote_volume),
    }  # fmt: skip


def kline_event(symbol: str, interval: str, kline: Kline, closed: bool, now_ms: int) -> dict[str, object]:
    """The kline event."""
    return {
        "e": "kline", "E": now_ms, "s": symbol,
        "k": {
            "t": kline.open_ms, "T": close_time(interval, kline.open_ms), "s": symbol, "i": interval,
            "f": kline.first_trade, "L": kline.last_trade, "o": text(kline.open), "c": text(kline.close),
            "h": text(kline.high), "l": text(kline.low), "v": text(kline.volume), "n": kline.trades,
            "x": closed, "q": text(kline.quote_volume), "V": text(kline.taker_volume),
            "Q": text(kline.taker_quote), "B": "0",
        },
    }  # fmt: skip


def _before(kline: Kline, later: Kline | None) -> Kline:
    """Two neighbouring candles as one; the first is copied, not changed."""
    joined = Kline(kline.open_ms, kline.open, kline.high, kline.low, kline.close)
    joined.volume, joined.quote_volume, joined.trades = kline.volume, kline.quote_volume, kline.trades
    if later is not None:
        joined.merge(later)
    return joined
