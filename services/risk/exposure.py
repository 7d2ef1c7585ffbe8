"""How much more may be opened: each limit leaves some room. Pure; money is Decimal, statistics are not."""

from collections.abc import Iterator
from decimal import Decimal

from ...bus.contracts.risk import RiskCap
from ...configs.sections.risk import RiskSettings
from ..accounting.exact import ZERO, divide, money, multiply, rounded, scale, subtract, total
from ..accounting.returns import LEAST, Window, moving_together
from .picture import Picture

_HUNDRED = Decimal(100)


def caps(picture: Picture, settings: RiskSettings, window: Window) -> list[RiskCap]:
    """The room that every limit leaves; none while the equity is not known (nothing is opened then)."""
    if picture.equity is None:
        return []
    return [
        *_total(picture, settings, picture.equity),
        *_assets(picture, settings, picture.equity),
        *_strategies(picture, settings, picture.equity),
        *_correlated(picture, settings, picture.equity, window),
        *_volatile(picture, settings, picture.equity, window),
    ]


def _total(picture: Picture, settings: RiskSettings, equity: Decimal) -> Iterator[RiskCap]:
    limit = settings.max_total_exposure_percent
    if limit is not None:
        sentence = (
            f"{_percent(picture.invested, equity)} % of the equity are invested, {limit} % are allowed "
            "(risk.max_total_exposure_percent)."
        )
        yield _cap("all", "", "total_exposure", _part(equity, limit), picture.invested, sentence)


def _assets(picture: Picture, settings: RiskSettings, equity: Decimal) -> Iterator[RiskCap]:
    limit = settings.max_asset_exposure_percent
    if limit is None:
        return
    watched = (symbol.partition("/")[0] for symbol in picture.watched)
    for asset in sorted({*picture.assets, *watched} - {picture.currency}):
        used = picture.asset_exposure(asset)
        sentence = (
            f"{asset} is {_percent(used, equity)} % of the equity, {limit} % are allowed "
            "(risk.max_asset_exposure_percent)."
        )
        yield _cap("asset", asset, "asset_exposure", _part(equity, limit), used, sentence)


def _strategies(picture: Picture, settings: RiskSettings, equity: Decimal) -> Iterator[RiskCap]:
    limit = settings.max_strategy_exposure_percent
    for name, used in sorted(picture.strategies.items()):
        if limit is not None:
            sentence = (
                f"{name} holds {_percent(used, equity)} % of the equity, {limit} % are allowed "
                "(risk.max_strategy_exposure_percent)."
            )
            yield _cap("strategy", name, "strategy_exposure", _part(equity, limit), used, sentence)
        if name in picture.budgets:
            budget = picture.budgets[name]
            sentence = (
                f"{name} holds {rounded(used)} of the {rounded(budget)} that the portfolio gives it "
                "(portfolio.strategy_method)."
            )
            yield _cap("strategy", name, "strategy_budget", budget, used, sentence)


def _correlated(
    picture: Picture, settings: RiskSettings, equity: Decimal, window: Window
) -> Iterator[RiskCap]:
    limit = settings.max_correlated_exposure_percent
    if limit is None:
        return
    held = [symbol for symbol in picture.watched if picture.exposure(symbol) > 0]
    for symbol in picture.watched:
        others = [other for other in held if other != symbol]
        alike = moving_together(window, symbol, others, float(settings.correlation_threshold))
        used = total(picture.exposure(each) for each in (symbol, *alike))
        together = f"{symbol} and what moves with it ({', '.join(alike)})" if alike else symbol
        sentence = (
            f"{together} are {_percent(used, equity)} % of the equity, {limit} % are allowed "
            "(risk.max_correlated_exposure_percent)."
        )
        yield _cap("symbol", symbol, "correlated_exposure", _part(equity, limit), used, sentence)


def _volatile(picture: Picture, settings: RiskSettings, equity: Decimal, window: Window) -> Iterator[RiskCap]:
    target = settings.target_volatility_percent
    if target is None:
        return
    for symbol in picture.watched:
        daily = window.daily_volatility(symbol)
        used = picture.exposure(symbol)
        if daily is None:
            sentence = (
                f"Fewer than {LEAST + 1} candles of {symbol} are known, too few to tell its volatility."
            )
            yield _cap("symbol", symbol, "volatility", ZERO, used, sentence)
            continue
        # A market that does not move at all would allow any size; all of the equity is enough.
        scaled = divide(_part(equity, target), max(money(daily), Decimal("1e-12")))
        most = min(equity, scaled)
        sentence = (
            f"{symbol} moves {100 * daily:.2f} % a day, so a position of it may be worth {rounded(most)} "
            f"(risk.target_volatility_percent is {target})."
        )
        yield _cap("symbol", symbol, "volatility", most, used, sentence)


def _cap(scope: str, name: str, code: str, most: Decimal, used: Decimal, sentence: str) -> RiskCap:
    # Prices move what is held: a limit may be passed without an order. The room is then nothing, not less.
    room = max(subtract(most, used), ZERO)
    return RiskCap(scope=scope, name=name, room=scale(room, Decimal(1)), code=code, sentence=sentence)


def _part(equity: Decimal, percent: Decimal) -> Decimal:
    return divide(multiply(max(equity, ZERO), percent), _HUNDRED)


def _percent(part: Decimal, equity: Decimal) -> str:
    return rounded(divide(multiply(part, _HUNDRED), equity), 1) if equity > 0 else "more than 100"
