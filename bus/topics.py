"""Names of topics: dotted, most general first. Parts never hold a dot, a NUL or a slash."""

CANDLES = "market.candle."
TRADES = "market.trade."
BOOKS = "market.book."
SIGNALS = "signal."
INDICATORS = "indicator."
DRY_FILLS = "dry."
ORDERS = "order."
FILLS = "fill."
POSITIONS = "position."
BALANCES = "balance."
EQUITY = "equity."
TRADING_STATE = "risk.state"
SERVICE_STATES = "service.state."
SERVICE_HEARTBEATS = "service.heartbeat."
SERVICE_STATS = "service.stats."
SERVICE_DATABASES = "service.database."
ALERTS = "alert."
AUDIT = "audit."
LOGS = "log."
CONFIG_CHANGED = "config.changed"
BUS_REPORT = "bus.report"
MAIN_ACCOUNT = "main"
"""The account of a home that names no other."""


def part(text: str) -> str:
    """A part made of a symbol or a name: `BTC/USDT` becomes `BTC-USDT`, `BTC/USDT:USDT` `BTC-USDT-USDT`."""
    return text.replace("/", "-").replace(":", "-").replace(".", "_")


def candle(exchange: str, symbol: str, timeframe: str) -> str:
    return f"{CANDLES}{part(exchange)}.{part(symbol)}.{timeframe}"


def trade(exchange: str, symbol: str) -> str:
    return f"{TRADES}{part(exchange)}.{part(symbol)}"


def book(exchange: str, symbol: str) -> str:
    return f"{BOOKS}{part(exchange)}.{part(symbol)}"


def of_account(account: str) -> str:
    """What the topics of an account begin with; nothing for main: `fill.paper` is the fills of main alone."""
    return "" if account == MAIN_ACCOUNT else f"@{part(account)}."


def order(exchange: str, state: str, account: str = MAIN_ACCOUNT) -> str:
    return f"{ORDERS}{of_account(account)}{part(exchange)}.{state.lower()}"


def fill(exchange: str, account: str = MAIN_ACCOUNT) -> str:
    return f"{FILLS}{of_account(account)}{part(exchange)}"


def position(exchange: str, symbol: str, account: str = MAIN_ACCOUNT) -> str:
    return f"{POSITIONS}{of_account(account)}{part(exchange)}.{part(symbol)}"


def balance(exchange: str, account: str = MAIN_ACCOUNT) -> str:
    return f"{BALANCES}{of_account(account)}{part(exchange)}"


def equity(exchange: str, account: str = MAIN_ACCOUNT) -> str:
    return f"{EQUITY}{of_account(account)}{part(exchange)}"


def trading_state(account: str = MAIN_ACCOUNT) -> str:
    return TRADING_STATE if account == MAIN_ACCOUNT else f"{TRADING_STATE}.{part(account)}"


def signal(strategy: str) -> str:
    return f"{SIGNALS}{part(strategy)}"


def indicator(strategy: str) -> str:
    return f"{INDICATORS}{part(strategy)}"


def dry(strategy: str) -> str:
    return f"{DRY_FILLS}{part(strategy)}"


def service_state(name: str) -> str:
    return f"{SERVICE_STATES}{part(name)}"


def service_heartbeat(name: str) -> str:
    return f"{SERVICE_HEARTBEATS}{part(name)}"


def service_stats(name: str) -> str:
    return f"{SERVICE_STATS}{part(name)}"


def service_database(name: str) -> str:
    return f"{SERVICE_DATABASES}{part(name)}"


def alert(severity: str) -> str:
    return f"{ALERTS}{severity}"


def audit(kind: str) -> str:
    return f"{AUDIT}{part(kind)}"
