"""The limits as people read them: how much of each is used, and what happens when it is reached."""

from decimal import Decimal

from ...bus.contracts.risk import RiskFigure
from ...configs.sections.risk import RiskSettings
from ..accounting.exact import divide, multiply
from ..accounting.returns import Window
from .officer import Opinion
from .picture import Picture

_HUNDRED = Decimal(100)
_HALT = "halts trading until a person re-arms"
_REDUCE = "only orders that reduce a position pass"
_ROOM = "orders are made smaller or denied"
_NO_ENTRY = "nothing is opened in the market"


def figures(picture: Picture, opinion: Opinion, settings: RiskSettings, window: Window) -> list[RiskFigure]:
    """Every limit, also those that are off."""
    return [
        *_losses(opinion, settings),
        *_exposures(picture, settings),
        *_tails(opinion, settings),
        *_markets(picture, settings, window),
        *_streaks(settings),
    ]


def _losses(opinion: Opinion, settings: RiskSettings) -> list[RiskFigure]:
    daily = _HALT if settings.daily_drawdown_action == "halt" else f"{_REDUCE} until the next day"
    return [
        _figure(
            "daily_drawdown",
            "Loss today",
            opinion.daily_loss,
            settings.max_daily_drawdown_percent,
            f"{daily}; a day begins at midnight in {settings.day_zone}",
        ),
        _figure(
            "total_drawdown",
            "Loss from the best",
            opinion.total_loss,
            settings.max_total_drawdown_percent,
            _HALT,
        ),
    ]


def _exposures(picture: Picture, settings: RiskSettings) -> list[RiskFigure]:
    limit = settings.max_asset_exposure_percent
    found = [
        _figure(
            "total_exposure",
            "Invested",
            _percent(picture.invested, picture),
            settings.max_total_exposure_percent,
            _ROOM,
        )
    ]
    assets = sorted({*picture.assets, *(symbol.partition("/")[0] for symbol in picture.watched)})
    for asset in assets:
        value = _percent(picture.asset_exposure(asset), picture)
        found.append(_figure("asset_exposure", f"In {asset}", value, limit, _ROOM, scope=asset))
    for name, used in sorted(picture.strategies.items()):
        value = _percent(used, picture)
        limit = settings.max_strategy_exposure_percent
        found.append(_figure("strategy_exposure", f"Held by {name}", value, limit, _ROOM, scope=name))
    return found


def _tails(opinion: Opinion, settings: RiskSettings) -> list[RiskFigure]:
    how = (
        f"{_REDUCE}; {settings.tail_method}, {settings.tail_confidence} confidence, "
        f"{settings.tail_horizon_candles} candle(s) ahead"
    )
    return [
        _figure(
            "value_at_risk",
            "Value at risk",
            opinion.tail.value_at_risk,
            settings.max_value_at_risk_percent,
            how,
        ),
        _figure(
            "expected_shortfall",
            "Expected shortfall",
            opinion.tail.shortfall,
            settings.max_expected_shortfall_percent,
            how,
        ),
    ]


def _markets(picture: Picture, settings: RiskSettings, window: Window) -> list[RiskFigure]:
    found = []
    for symbol in picture.watched:
        news = picture.market_news[symbol]
        age = None if news.price_age_s is None else Decimal(f"{news.price_age_s:.1f}")
        most = Decimal(str(settings.max_price_age_s))
        found.append(_figure("stale_price", f"Age of {symbol}", age, most, _NO_ENTRY, scope=symbol, unit="s"))
        spread, limit = news.spread_percent, settings.max_spread_percent
        found.append(_figure("wide_spread", f"Spread of {symbol}", spread, limit, _NO_ENTRY, scope=symbol))
        daily = window.daily_volatility(symbol)
        value = None if daily is None else Decimal(f"{100 * daily:.2f}")
        limit = settings.target_volatility_percent
        title = f"Daily volatility of {symbol}"
        action = "the limit is what one position may move the equity in a day; it sizes positions"
        found.append(_figure("volatility", title, value, limit, action, scope=symbol))
    return found


def _streaks(settings: RiskSettings) -> list[RiskFigure]:
    pause = f"pauses for {settings.streak_pause_s:g} s"
    rows = (
        ("cooldown", "Rest after a trade", settings.cooldown_s, "s", "nothing is opened in the market"),
        ("losing_streak", "Losses in a row", settings.losing_streak, "trades", f"the strategy {pause}"),
        (
            "losing_streak_global",
            "Losses in a row, all",
            settings.losing_streak_global,
            "trades",
            f"everything {pause}",
        ),
        ("stop_streak", "Stops in a market", settings.stop_streak, "trades", f"the market {pause}"),
        ("stop_streak_global", "Stops, all", settings.stop_streak_global, "trades", f"everything {pause}"),
    )
    return [
        _figure(code, title, None, Decimal(str(limit)) if limit else None, action, unit=unit)
        for code, title, limit, unit, action in rows
    ]


def _figure(
    code: str,
    title: str,
    value: Decimal | None,
    limit: Decimal | None,
    action: str,
    *,
    scope: str = "",
    unit: str = "%",
) -> RiskFigure:
    told = "not known" if value is None else f"{value:.2f} {unit}"
    if limit is None:
        sentence = f"{title}: {told}; no limit is set."
    elif value is None and unit in ("trades", "s") and not scope:
        sentence = f"{title}: at {limit:f} {unit} {action}." if unit == "trades" else f"{title}: {limit:f} s."
    else:
        sentence = f"{title}: {told} of {limit:f} {unit}; at the limit {action}."
    return RiskFigure(
        code=code,
        title=title,
        scope=scope,
        value=value,
        limit=limit,
        unit=unit,
        action=action,
        sentence=sentence,
    )


def _percent(part: Decimal, picture: Picture) -> Decimal | None:
    if picture.equity is None or picture.equity <= 0:
        return None
    return divide(multiply(part, _HUNDRED), picture.equity)
