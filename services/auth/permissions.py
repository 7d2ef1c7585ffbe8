"""Who may do what. A permission is a name such as trade.order; contracts say which one a request needs."""

VIEW = frozenset(
    {
        "account.password",
        "backtest.read",
        "health.read",
        "market.read",
        "notify.read",
        "portfolio.read",
        "risk.read",
        "service.read",
        "strategy.read",
        "trade.read",
    }
)
TRADE = frozenset(
    {
        "alert.acknowledge",
        "backtest.run",
        "data.write",
        "portfolio.rebalance",
        "risk.rearm",
        "strategy.control",
        "trade.halt",
        "trade.order",
    }
)
ADMINISTER = frozenset(
    {
        "apikey.manage",
        "audit.read",
        "bus.read",
        "config.read",
        "config.write",
        "database.manage",
        "notify.manage",
        "paper.fault",
        "secret.read",
        "secret.write",
        "service.control",
        "update.manage",
        "user.manage",
        "user.read",
    }
)

ALL = VIEW | TRADE | ADMINISTER

ROLES: dict[str, frozenset[str]] = {
    "admin": ALL,
    "trader": VIEW | TRADE,
    "viewer": VIEW,
}
