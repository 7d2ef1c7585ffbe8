"""Who may do what. A permission is a name such as trade.order; contracts say which one a request needs."""

VIEW = frozenset({"market.read", "service.read", "strategy.read", "trade.read", "account.password"})
TRADE = frozenset({"strategy.control", "trade.order", "trade.halt"})
ADMINISTER = frozenset(
    {
        "apikey.manage",
        "audit.read",
        "bus.read",
        "config.read",
        "config.write",
        "paper.fault",
        "secret.read",
        "secret.write",
        "service.control",
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
