"""Which accounts are traded, where each is, by which process, and within which limits.

`main` is always there: the account of data.exchange. Others are named in the section `accounts`; each is
traded by a process of its own, `trade-NAME`.
"""

from typing import TypeVar

import msgspec

from .schema import Settings, TradeSettings
from .sections.accounts import AccountSettings
from .sections.base import Section
from .sections.risk import RiskSettings

MAIN = "main"
TRADE = "trade"
NAME = r"[a-z][a-z0-9-]{0,10}"
"""Short: the name is part of a socket's path, which systems limit."""
_PREFIX = f"{TRADE}-"
S = TypeVar("S", bound=Section)


def names(settings: Settings) -> list[str]:
    """Every account, main first."""
    return [MAIN, *(name for name in settings.accounts if name != MAIN)]


def service_of(account: str) -> str:
    """The service that trades an account."""
    return TRADE if account == MAIN else _PREFIX + account


def account_of(service: str) -> str:
    """The account that a service trades; "" when it trades none."""
    if service == TRADE:
        return MAIN
    return service.removeprefix(_PREFIX) if service.startswith(_PREFIX) else ""


def own(settings: Settings, account: str) -> AccountSettings:
    """What the settings say of an account; nothing special of one that they do not name."""
    return settings.accounts.get(account) or AccountSettings()


def venue_of(settings: Settings, account: str) -> str:
    """The venue that an account is on."""
    return own(settings, account).venue or settings.data.exchange


def key_of(settings: Settings, account: str) -> str:
    """The first part of the names of its secrets, such as binance of binance.api_key."""
    venue = venue_of(settings, account)
    return own(settings, account).key or (venue if account == MAIN else f"{venue}-{account}")


def symbols_of(settings: Settings, account: str) -> list[str]:
    """The markets of an account: those that data watches on its venue, and what its strategies trade."""
    venue = venue_of(settings, account)
    watched = (
        settings.data.symbols if venue == settings.data.exchange else settings.data.venues.get(venue, [])
    )
    runs = (one for one in settings.strategy.instances.values() if one.account == account)
    return list(dict.fromkeys([*watched, *(one.symbol for one in runs)]))


def trade_limits(settings: Settings, account: str) -> TradeSettings:
    """The section trade with what the account has of its own."""
    return _with_own(settings.trade, own(settings, account))


def risk_limits(settings: Settings, account: str) -> RiskSettings:
    """The section risk with what the account has of its own."""
    return _with_own(settings.risk, own(settings, account))


def for_account(settings: Settings, account: str) -> Settings:
    """The settings as the process of one account reads them: its venue and limits in the usual places."""
    data = msgspec.structs.replace(
        settings.data, exchange=venue_of(settings, account), symbols=symbols_of(settings, account)
    )
    return msgspec.structs.replace(
        settings,
        data=data,
        trade=trade_limits(settings, account),
        risk=risk_limits(settings, account),
    )


def _with_own(section: S, account: AccountSettings) -> S:
    given = {
        name: value
        for name in section.__struct_fields__
        if (value := getattr(account, name, None)) is not None
    }
    return msgspec.structs.replace(section, **given) if given else section
