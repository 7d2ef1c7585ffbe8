"""The settings, typed: one field is one key, with its type, range, unit, default and help.

This is the only list of settings. The loader checks files against it, docs/settings.md and the JSON Schema
are made from it, and services receive it as it stands here. Decimals are written as text in files ("0.001").
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from .sections.accounts import AccountSettings
from .sections.analytics import AnalyticsSettings
from .sections.backtest import BacktestSettings
from .sections.base import Section, decimal_setting, setting
from .sections.database import DatabaseSettings as DatabaseSettings
from .sections.log import LogSettings as LogSettings
from .sections.machines import MachinesSettings
from .sections.monitor import MonitorSettings
from .sections.notify import NotifySettings
from .sections.oidc import OidcProvider
from .sections.portfolio import PortfolioSettings
from .sections.risk import RiskSettings
from .sections.secrets import SecretsSettings
from .sections.update import UpdateSettings


class BusSettings(Section, frozen=True, kw_only=True):
    """The message bus."""

    transport: Annotated[
        Literal["auto", "ipc", "tcp"],
        setting("auto takes unix sockets where they exist, else TCP with CURVE."),
    ] = "auto"
    host: Annotated[
        str, setting("Address that TCP listens on; 127.0.0.1 is this machine only.", max_length=255)
    ] = "127.0.0.1"
    high_water_mark: Annotated[
        int,
        setting(
            "Messages kept for one slow reader before they are dropped and counted.", ge=100, le=10_000_000
        ),
    ] = 10_000
    journal_max_bytes: Annotated[
        int, setting("Oldest journal segments are removed above this.", unit="bytes", ge=1_048_576)
    ] = 1_073_741_824
    journal_max_age_s: Annotated[
        float, setting("Oldest journal segments are removed above this age.", unit="s", ge=60)
    ] = 30 * 86_400.0


class Priority(Section, frozen=True, kw_only=True):
    """How much of the processors the services of one role get beside others."""

    nice: Annotated[
        int, setting("Niceness: 0 is normal, 19 yields to all; below 0 needs the right to it.", ge=-20, le=19)
    ] = 0
    cpus: Annotated[
        list[Annotated[int, msgspec.Meta(ge=0, le=4095)]], setting("Processors to run on; empty is all.")
    ] = msgspec.field(default_factory=list)


Role = Literal["core", "market", "people", "add-on"]


def _priorities() -> dict[Role, Priority]:
    return {"people": Priority(nice=2), "add-on": Priority(nice=5)}


class SupervisorSettings(Section, frozen=True, kw_only=True):
    """Starting, watching and restarting of services."""

    start_timeout_s: Annotated[
        float,
        setting(
            "A service that is not ready by then is restarted by its policy.", unit="s", applies="live", gt=0
        ),
    ] = 30.0
    stop_timeout_s: Annotated[
        float,
        setting(
            "A service that has not stopped by then is killed with its children.",
            unit="s",
            applies="live",
            gt=0,
        ),
    ] = 10.0
    heartbeat_timeout_s: Annotated[
        float,
        setting(
            "A service without a heartbeat for so long is called frozen.", unit="s", applies="live", ge=1
        ),
    ] = 10.0
    backoff_initial_s: Annotated[
        float, setting("Wait before the second restart in a row.", unit="s", applies="live", ge=0)
    ] = 0.5
    backoff_max_s: Annotated[
        float, setting("Longest wait between restarts.", unit="s", applies="live", ge=0)
    ] = 30.0
    restart_limit: Annotated[
        int,
        setting(
            "More restarts than this within restart_window_s make a service FATAL.", applies="live", ge=1
        ),
    ] = 10
    restart_window_s: Annotated[
        float, setting("Window of restart_limit.", unit="s", applies="live", gt=0)
    ] = 60.0
    stats_interval_s: Annotated[
        float, setting("How often CPU and memory are sampled.", unit="s", applies="live", ge=0.2)
    ] = 1.0
    roles: Annotated[
        dict[Role, Priority],
        setting(
            "Niceness and processors by role: core is bus and trade, people auth and dashboard.",
            applies="live",
            merges=True,
        ),
    ] = msgspec.field(default_factory=_priorities)
    metrics_port: Annotated[
        int,
        setting(
            "TCP port on loopback that serves metrics for Prometheus at /metrics; 0 serves none.",
            applies="live",
            ge=0,
            le=65535,
        ),
    ] = 0
    min_free_disk_bytes: Annotated[
        int,
        setting(
            "With less free disk, optional services are stopped one by one.",
            unit="bytes",
            applies="live",
            ge=0,
        ),
    ] = 104_857_600
    min_free_memory_bytes: Annotated[
        int,
        setting(
            "With less free memory, optional services are stopped one by one.",
            unit="bytes",
            applies="live",
            ge=0,
        ),
    ] = 67_108_864


class ServiceOverride(Section, frozen=True, kw_only=True):
    """Changes to one service's manifest."""

    enabled: Annotated[
        bool | None, setting("Start this service with the platform; empty takes the manifest's.")
    ] = None
    restart: Annotated[
        Literal["always", "on-failure", "never"] | None,
        setting("Restart policy; empty takes the manifest's."),
    ] = None
    environment: Annotated[dict[str, str], setting("Extra environment variables.")] = msgspec.field(
        default_factory=dict
    )
    memory_limit_bytes: Annotated[
        int | None, setting("The service is restarted above this resident size.", unit="bytes")
    ] = None


class DataSettings(Section, frozen=True, kw_only=True):
    """Which markets are watched."""

    exchange: Annotated[
        str, setting("Venue: paper, or the name of a connector such as binance.", max_length=40)
    ] = "paper"
    symbols: Annotated[list[str], setting("Markets to watch, in ccxt's spelling.")] = msgspec.field(
        default_factory=lambda: ["BTC/USDT"]
    )
    venues: Annotated[
        dict[str, list[str]],
        setting(
            "Further venues and their markets to watch, without a key; strategies read them as "
            "VENUE:MARKET, such as kraken:BTC/USD. paper-2 to paper-9 are further paper exchanges."
        ),
    ] = msgspec.field(default_factory=dict)
    timeframe: Annotated[
        str,
        setting(
            "Length of a candle: 1s, 1m, 5m, 1h, 1d.",
            pattern=r"^[1-9]\d*[smhdw]$",
            form="a number with s, m, h, d or w, such as 5m",
        ),
    ] = "1s"
    history: Annotated[int, setting("Candles fetched at start for warm-up and charts.", ge=0, le=100_000)] = (
        1000
    )
    stale_after_s: Annotated[
        float, setting("A feed without news for so long is stale: no entries are made on it.", unit="s", gt=0)
    ] = 15.0
    record: Annotated[
        list[Literal["trades", "books"]],
        setting("Keep public trades, or the tops of the books, on disk as they come: a file a day."),
    ] = msgspec.field(default_factory=list)
    keep_days: Annotated[
        float, setting("Candles and recordings that are older are removed; 0 keeps all.", ge=0)
    ] = 0.0


class StrategyInstance(Section, frozen=True, kw_only=True):
    """One strategy on one market."""

    strategy: Annotated[
        str, setting("Name of a bundled or own strategy; `cryptobot strategy list` shows them.")
    ]
    symbol: Annotated[str, setting("Market, in ccxt's spelling.")] = "BTC/USDT"
    timeframe: Annotated[str, setting("Length of a candle.")] = "1s"
    parameters: Annotated[dict[str, str | int | float | bool], setting("Parameters of the strategy.")] = (
        msgspec.field(default_factory=dict)
    )
    enabled: Annotated[bool, setting("Run it.")] = True
    symbols: Annotated[
        list[str],
        setting(
            "Several markets: one run of the strategy on each, called NAME@BTC-USDT; empty takes symbol."
        ),
    ] = msgspec.field(default_factory=list)
    mode: Annotated[
        Literal["live", "dry"],
        setting("live sends orders to the venue; dry simulates them on the same candles, shown separately."),
    ] = "live"
    cash: Annotated[Decimal, decimal_setting("Money that a dry run begins with.", unit="quote", gt="0")] = (
        Decimal("10000")
    )
    process: Annotated[
        int,
        setting(
            "Number of the process that runs it: what hangs or dies in one disturbs no run of another.",
            ge=1,
            le=32,
        ),
    ] = 1
    despite_red: Annotated[
        str,
        setting(
            "Why it may trade on a real exchange although its trust score is red; told in the audit log.",
            max_length=200,
        ),
    ] = ""

    account: Annotated[
        str, setting("The account that it trades: main, or a name of the section accounts.", max_length=20)
    ] = "main"

    @property
    def markets(self) -> list[str]:
        """The markets that it runs on."""
        return self.symbols or [self.symbol]


class StrategySettings(Section, frozen=True, kw_only=True):
    """Which strategies run."""

    instances: Annotated[dict[str, StrategyInstance], setting("Name of the run: what runs.")] = msgspec.field(
        default_factory=lambda: {"ema-cross": StrategyInstance(strategy="ema-cross")}
    )
    call_timeout_s: Annotated[
        float,
        setting("A strategy that does not return from one call by then is stopped.", unit="s", gt=0, le=60),
    ] = 2.0


class TradeSettings(Section, frozen=True, kw_only=True):
    """The always-on limits of the money path."""

    max_order_value: Annotated[
        Decimal, decimal_setting("Largest value of one order.", unit="quote", gt="0")
    ] = Decimal("100000")
    max_position_value: Annotated[
        Decimal, decimal_setting("Largest value of one position.", unit="quote", gt="0")
    ] = Decimal("100000")
    max_open_orders: Annotated[int, setting("Most open orders at a time.", ge=1, le=1000)] = 20
    max_orders_per_minute: Annotated[int, setting("Most new orders a minute.", ge=1, le=60_000)] = 120
    max_orders_per_10s: Annotated[
        int,
        setting(
            "New orders are sent no faster than this in any ten seconds; Binance allows 100.", ge=1, le=10_000
        ),
    ] = 90
    request_timeout_s: Annotated[
        float,
        setting(
            "A call to the venue without an answer for so long has an unknown outcome.", unit="s", ge=0.5
        ),
    ] = 5.0
    allow_withdraw_keys: Annotated[
        bool,
        setting("Use an API key that may withdraw money. Better make one that may not.", applies="person"),
    ] = False
    price_collar_percent: Annotated[
        Decimal,
        decimal_setting("A limit price further than this from the market is denied.", unit="%", gt="0"),
    ] = Decimal("10")
    reconcile_interval_s: Annotated[
        float, setting("How often ledger and venue are compared.", unit="s", ge=1)
    ] = 30.0


class PaperSettings(Section, frozen=True, kw_only=True):
    """The paper exchange."""

    port: Annotated[int, setting("TCP port on loopback; 0 takes a free one.", ge=0, le=65535)] = 0
    source: Annotated[
        Literal["recorded", "synthetic", "live"],
        setting(
            "recorded plays the bundled candles or your files; synthetic makes them up from the seed; live "
            "shows the public prices of live_exchange, which needs a network."
        ),
    ] = "recorded"
    live_exchange: Annotated[
        str, setting("Whose public prices are shown when source is live.", max_length=40)
    ] = "binance"
    symbol: Annotated[
        str,
        setting(
            "Name of the market that is played, in ccxt's spelling.",
            pattern=r"^[A-Z0-9]+/[A-Z0-9]+$",
            form="two assets with a slash between, such as BTC/USDT",
        ),
    ] = "BTC/USDT"
    file: Annotated[
        str, setting("A candle file to play instead of the bundled prices; empty plays those.")
    ] = ""
    markets: Annotated[
        dict[str, str],
        setting("Further markets and the candle files they are played from, in step; no file: made up."),
    ] = msgspec.field(default_factory=dict)
    candle_interval_s: Annotated[
        float, setting("Seconds of the clock in which one recorded candle is played.", unit="s", gt=0)
    ] = 1.0
    start: Annotated[
        int,
        setting("Index of the recorded candle to begin with; half-way through a shorter recording.", ge=0),
    ] = 1000
    maker_fee: Annotated[
        Decimal, decimal_setting("Fee of resting orders, as a fraction.", ge="0", lt="1")
    ] = Decimal("0.001")
    taker_fee: Annotated[
        Decimal, decimal_setting("Fee of crossing orders, as a fraction.", ge="0", lt="1")
    ] = Decimal("0.001")
    balances: Annotated[dict[str, Decimal], setting("What a new account holds.")] = msgspec.field(
        default_factory=lambda: {"USDT": Decimal("10000"), "BTC": Decimal("0")}
    )
    queue_position: Annotated[
        bool, setting("A resting order waits until those that stood at its price before it have traded.")
    ] = False
    latency_s: Annotated[
        float, setting("Time that an order needs to reach the book.", unit="s", ge=0, le=60)
    ] = 0.0
    seed: Annotated[int, setting("Seed of everything random.")] = 1
    request_weight_limit: Annotated[
        int, setting("Request weight an address may use in a minute; 0 is no limit.", ge=0)
    ] = 6000
    order_limit: Annotated[
        int, setting("New orders an account may send in ten seconds; 0 is no limit.", ge=0)
    ] = 100


class DashboardSettings(Section, frozen=True, kw_only=True):
    """The web dashboard."""

    host: Annotated[str, setting("Address to listen on; 127.0.0.1 is this machine only.")] = "127.0.0.1"
    open_to_network: Annotated[
        bool,
        setting(
            "Allows a dashboard.host that others can reach. Whoever logs in there moves your money: give "
            "every account a second factor first, and let a firewall admit only those who need it.",
            applies="person",
        ),
    ] = False
    certificate: Annotated[
        str, setting("Your own certificate with its chain (PEM file); empty takes one made here.")
    ] = ""
    private_key: Annotated[str, setting("The key of dashboard.certificate (PEM file).")] = ""
    port: Annotated[int, setting("TCP port; 0 takes a free one.", ge=0, le=65535)] = 8443
    session_idle_s: Annotated[
        float, setting("A session ends after so long without use.", unit="s", ge=60)
    ] = 43_200.0


class AuthSettings(Section, frozen=True, kw_only=True):
    """Accounts and sessions."""

    session_absolute_s: Annotated[
        float, setting("A session ends after so long in any case.", unit="s", ge=300)
    ] = 7 * 86_400.0
    step_up_s: Annotated[
        float,
        setting("How long dangerous things are allowed after proving again who one is.", unit="s", ge=30),
    ] = 300.0
    providers: Annotated[
        dict[str, OidcProvider], setting("Other places that log people in, by name.", merges=True)
    ] = msgspec.field(default_factory=dict)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one home."""

    profile: Annotated[
        Literal["paper", "dev", "prod", "minimal"],
        setting(
            "Named set of defaults beneath the user's file; what it changes applies as those keys say.",
            applies="live",
        ),
    ] = "paper"
    surroundings: Annotated[
        Literal["auto", "off"],
        setting(
            "auto lets battery, little memory or a small disk choose how much is watched and logged, beneath "
            "the profile; never about money. `cryptobot config diff` shows them.",
            applies="live",
        ),
    ] = "auto"
    bus: BusSettings = msgspec.field(default_factory=BusSettings)
    supervisor: SupervisorSettings = msgspec.field(default_factory=SupervisorSettings)
    services: Annotated[
        dict[str, ServiceOverride], setting("Changes to single services, by name.", merges=True)
    ] = msgspec.field(default_factory=dict)
    data: DataSettings = msgspec.field(default_factory=DataSettings)
    strategy: StrategySettings = msgspec.field(default_factory=StrategySettings)
    trade: TradeSettings = msgspec.field(default_factory=TradeSettings)
    accounts: Annotated[
        dict[str, AccountSettings],
        setting(
            "Further accounts to trade, by name, each in a process of its own; main is that of data.exchange "
            "and need not be named.",
            merges=True,
        ),
    ] = msgspec.field(default_factory=dict)
    paper: PaperSettings = msgspec.field(default_factory=PaperSettings)
    dashboard: DashboardSettings = msgspec.field(default_factory=DashboardSettings)
    auth: AuthSettings = msgspec.field(default_factory=AuthSettings)
    database: DatabaseSettings = msgspec.field(default_factory=DatabaseSettings)
    secrets: SecretsSettings = msgspec.field(default_factory=SecretsSettings)
    log: LogSettings = msgspec.field(default_factory=LogSettings)
    risk: RiskSettings = msgspec.field(default_factory=RiskSettings)
    portfolio: PortfolioSettings = msgspec.field(default_factory=PortfolioSettings)
    monitor: MonitorSettings = msgspec.field(default_factory=MonitorSettings)
    notify: NotifySettings = msgspec.field(default_factory=NotifySettings)
    analytics: AnalyticsSettings = msgspec.field(default_factory=AnalyticsSettings)
    backtest: BacktestSettings = msgspec.field(default_factory=BacktestSettings)
    update: UpdateSettings = msgspec.field(default_factory=UpdateSettings)
    machines: MachinesSettings = msgspec.field(default_factory=MachinesSettings)
