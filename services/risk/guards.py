"""Markets in which nothing is opened now: stale or wide. Pure."""

from ...bus.contracts.risk import RiskBlock
from ...configs.sections.risk import RiskSettings
from ..accounting.markets import MarketNews
from .picture import Picture


def blocks(picture: Picture, settings: RiskSettings) -> list[RiskBlock]:
    """One block for each watched market that is not fit to trade."""
    found = []
    for symbol in picture.watched:
        news = picture.market_news.get(symbol, MarketNews(None, None))
        told = _stale(symbol, news, settings) or _wide(symbol, news, settings)
        if told is not None:
            code, sentence = told
            found.append(
                RiskBlock(scope="symbol", name=symbol, symbol="", code=code, sentence=sentence, until_ms=0)
            )
    return found


def _stale(symbol: str, news: MarketNews, settings: RiskSettings) -> tuple[str, str] | None:
    most = settings.max_price_age_s
    if news.price_age_s is None:
        return "stale_price", f"No price of {symbol} is known yet; nothing is opened there."
    if news.price_age_s <= most:
        return None
    return (
        "stale_price",
        f"The last price of {symbol} is {news.price_age_s:.0f} s old; nothing is opened there "
        f"(risk.max_price_age_s is {most:g}).",
    )


def _wide(symbol: str, news: MarketNews, settings: RiskSettings) -> tuple[str, str] | None:
    most = settings.max_spread_percent
    if most is None:
        return None
    if news.spread_percent is None or (news.book_age_s or 0.0) > settings.max_price_age_s:
        return (
            "unknown_spread",
            f"The order book of {symbol} is not known, so neither is its spread; nothing is opened there "
            "(leave risk.max_spread_percent empty to do without).",
        )
    if news.spread_percent <= most:
        return None
    return (
        "wide_spread",
        f"The spread of {symbol} is {news.spread_percent:.2f} %; nothing is opened there "
        f"(risk.max_spread_percent is {most}).",
    )
