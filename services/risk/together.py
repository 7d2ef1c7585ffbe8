"""All accounts together: one limit on what may be invested over all of them. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from ...bus.contracts.risk import RiskCap, RiskFigure, RiskReason
from ...configs.sections.risk import RiskSettings
from ..accounting.exact import ZERO, divide, multiply, rounded, scale, subtract, total
from .officer import REDUCING
from .picture import Picture

_HUNDRED = Decimal(100)
_KEY = "risk.max_all_accounts_exposure_percent"
_CODE = "all_accounts_exposure"

Share = tuple[list[RiskReason], list[RiskCap], list[RiskFigure]]
"""What follows for one account."""


def judge(settings: RiskSettings, pictures: Mapping[str, Picture | None]) -> dict[str, Share]:
    """For every account: why it may open nothing, its part of the room, and the figure for people.

    The room is divided by what the accounts are worth: together they never pass the limit, however many
    orders are made between two verdicts. An account that cannot be read now counts as it was read last.

    Args:
        pictures: of every account, None of one that was never read.
    """
    limit = settings.max_all_accounts_exposure_percent
    if limit is None:
        return {name: ([], [], []) for name in pictures}
    known = {name: picture for name, picture in pictures.items() if picture is not None}
    why = _unknown(pictures, known)
    if why:
        return {name: ([_reason(why, pictures)], [], [_figure(None, limit)]) for name in pictures}
    worth = {name: max(picture.equity or ZERO, ZERO) for name, picture in known.items()}
    equity, invested = total(worth.values()), total(picture.invested for picture in known.values())
    room = max(subtract(_part(equity, limit), invested), ZERO)
    used = divide(multiply(invested, _HUNDRED), equity) if equity > 0 else _HUNDRED
    return {
        name: ([], [_cap(room, own, equity, used, limit)], [_figure(used, limit)])
        for name, own in worth.items()
    }


def _unknown(pictures: Mapping[str, Picture | None], known: Mapping[str, Picture]) -> str:
    missing = sorted({*pictures} - {*known})
    unvalued = sorted(name for name, picture in known.items() if picture.equity is None)
    currencies = sorted({picture.currency for picture in known.values()})
    if missing or unvalued:
        return f"It is not known what {', '.join(missing or unvalued)} is worth"
    if len(currencies) > 1:
        return f"The accounts are worth {' and '.join(currencies)}, which cannot be added"
    return ""


def _reason(why: str, pictures: Mapping[str, Picture | None]) -> RiskReason:
    now_ms = max((picture.now_ms for picture in pictures.values() if picture is not None), default=0)
    return RiskReason(code=_CODE, state=REDUCING, sentence=f"{why} ({_KEY}).", since_ms=now_ms, latched=False)


def _cap(room: Decimal, own: Decimal, equity: Decimal, used: Decimal, limit: Decimal) -> RiskCap:
    part = divide(multiply(room, own), equity) if equity > 0 else ZERO
    return RiskCap(
        scope="all",
        name="",
        room=scale(part, Decimal(1)),
        code=_CODE,
        sentence=f"{rounded(used, 1)} % of all accounts are invested, {limit} % are allowed, and the rest is "
        f"divided between them ({_KEY}).",
    )


def _figure(used: Decimal | None, limit: Decimal) -> RiskFigure:
    return RiskFigure(
        code=_CODE,
        title="Invested in all accounts",
        scope="all",
        value=used,
        limit=limit,
        unit="%",
        action="orders are made smaller or denied",
        sentence=f"Of all accounts together; {limit} % are allowed ({_KEY}).",
    )


def _part(equity: Decimal, percent: Decimal) -> Decimal:
    return divide(multiply(equity, percent), _HUNDRED)
