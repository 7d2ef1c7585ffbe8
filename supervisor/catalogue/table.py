"""Our own services: one line of `TABLE` is one service.

It is started by its string target, never by import. `registry.py` makes manifests of it.
"""

import msgspec


class Entry(msgspec.Struct, frozen=True):
    title: str
    target: str
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    enabled: bool = True
    optional: bool = False
    secrets: tuple[str, ...] = ()
    stores: bool = False
    heeds: tuple[str, ...] = ()
    """Add-ons whose being enabled it must know, and `accounts`: it is restarted when that changes."""


FILE_KEY = ("database.key",)
_VENUE_KEYS = ("{exchange}.api_key", "{exchange}.api_secret", "{exchange}.api_password")
TABLE: dict[str, Entry] = {
    "bus": Entry("Message bus", "cryptobot.bus.broker:main", (), (), ("bus",)),
    "auth": Entry(
        "Accounts",
        "cryptobot.services.auth.service:main",
        ("bus",),
        (),
        ("auth", "dashboard"),
        secrets=("oidc.*",),
        stores=True,
    ),
    "paper": Entry(
        "Paper exchange",
        "cryptobot.services.paper.service:main",
        ("bus",),
        (),
        ("paper",),
        secrets=FILE_KEY,
    ),
    "data": Entry("Market data", "cryptobot.services.data.service:main", ("bus",), (), ("data",)),
    "trade": Entry(
        "Trading",
        "cryptobot.services.trade.service:main",
        ("bus",),
        (),
        ("trade", "data"),
        secrets=_VENUE_KEYS,
        stores=True,
        heeds=("risk",),
    ),
    "strategy": Entry(
        "Strategies",
        "cryptobot.services.strategy.service:main",
        ("bus", "data", "trade"),
        (),
        ("strategy", "data"),
        heeds=("accounts",),
    ),
    "dashboard": Entry(
        "Dashboard",
        "cryptobot.dashboard.service:main",
        ("bus", "auth"),
        ("data", "trade", "strategy"),
        ("dashboard",),
        heeds=("accounts",),
    ),
    "monitor": Entry(
        "History and alerts",
        "cryptobot.services.monitor.service:main",
        ("bus",),
        (),
        ("monitor",),
        optional=True,
        stores=True,
    ),
    # Not optional: while it is enabled and away, trade opens nothing.
    "risk": Entry(
        "Risk",
        "cryptobot.services.risk.service:main",
        ("bus",),
        ("data", "trade"),
        ("risk", "data", "strategy"),
        enabled=False,
        stores=True,
        heeds=("accounts",),
    ),
    "portfolio": Entry(
        "Portfolio",
        "cryptobot.services.portfolio.service:main",
        ("bus",),
        ("data", "trade"),
        ("portfolio", "data", "strategy"),
        enabled=False,
        optional=True,
        stores=True,
        heeds=("accounts",),
    ),
    "backtest": Entry(
        "Backtests",
        "cryptobot.services.backtest.service:main",
        ("bus",),
        (),
        ("backtest", "data", "strategy"),
        enabled=False,
        optional=True,
        stores=True,
    ),
    "analytics": Entry(
        "Analytics",
        "cryptobot.services.analytics.service:main",
        ("bus",),
        ("data", "trade"),
        ("analytics", "data"),
        enabled=False,
        optional=True,
        stores=True,
        heeds=("accounts",),
    ),
    "notify": Entry(
        "Notifications",
        "cryptobot.services.notify.service:main",
        ("bus",),
        (),
        ("notify",),
        enabled=False,
        optional=True,
        secrets=("notify.*",),
        stores=True,
        heeds=("accounts",),
    ),
    "update": Entry(
        "Updates",
        "cryptobot.services.update.service:main",
        ("bus",),
        (),
        ("update",),
        enabled=False,
        optional=True,
    ),
}
