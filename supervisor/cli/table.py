"""Every command: its name, where it is shown in the help, and what it is for.

One line here and one file in `commands/` make a command (`bus tail` is `commands/bus_tail.py`, which has
a `command`). The help of the whole program comes from this table, so that `--help` loads no command.
"""

from typing import NamedTuple


class Entry(NamedTuple):
    """One command. `summary` is its line in the help; `hidden` keeps it out of there."""

    name: str
    section: str
    summary: str
    hidden: bool = False

    @property
    def module(self) -> str:
        return self.name.replace(" ", "_").replace("-", "_")


START, MONEY, LOOK, CONTROL, SETUP = "First steps", "Money", "Look", "Control", "Set up"

COMMANDS: tuple[Entry, ...] = (
    Entry("demo", START, "Start everything on recorded prices and watch the bot trade."),
    Entry("dashboard", START, "Print the dashboard's address, or open it."),
    Entry("doctor", START, "Find the usual faults and say what to do."),
    Entry("up", CONTROL, "Start the platform."),
    Entry("down", CONTROL, "Stop the platform."),
    Entry("start", CONTROL, "Start one service, or a group."),
    Entry("stop", CONTROL, "Stop one service, or a group; it stays stopped until you start it."),
    Entry("restart", CONTROL, "Restart one service, or a group; --rolling one after the other."),
    Entry("scale", CONTROL, "Run several instances of a service."),
    Entry("reload", CONTROL, "Put changed settings in force."),
    Entry("halt", CONTROL, "Halt trading at once: no new orders."),
    Entry("resume", CONTROL, "Let the bot trade again."),
    Entry("status", LOOK, "Show the state of every service."),
    Entry("top", LOOK, "Watch services, alerts and warnings live."),
    Entry("logs", LOOK, "Show the logs of services, merged by time."),
    Entry("history", LOOK, "Show what a service used over time."),
    Entry("alerts", LOOK, "List what somebody should know; acknowledge it."),
    Entry("graph", LOOK, "Show which service needs which."),
    Entry("bus tail", LOOK, "Show messages as they pass over the bus."),
    Entry("bus top", LOOK, "Show rates and drops by topic."),
    Entry("bus ls", LOOK, "List the kinds of messages and their topics."),
    Entry("bus send", LOOK, "Publish one message."),
    Entry("bus replay", LOOK, "Read messages back from the journal."),
    Entry("orders", MONEY, "List orders, newest first."),
    Entry("fills", MONEY, "List fills, newest first."),
    Entry("why", MONEY, "Say why an order was made, and what became of it."),
    Entry("cancel", MONEY, "Cancel one order."),
    Entry("amend", MONEY, "Change the price or amount of a resting order."),
    Entry("protect", MONEY, "Guard a position with a stop and a target."),
    Entry("positions", MONEY, "List positions with profit and loss."),
    Entry("balance", MONEY, "List what the account holds."),
    Entry("risk status", MONEY, "Show what the risk service allows, and why."),
    Entry("risk limits", MONEY, "List its limits and how much of each is used."),
    Entry("risk rearm", MONEY, "Let trading go on after risk halted it."),
    Entry("portfolio status", MONEY, "Show weights, returns and what each strategy holds."),
    Entry("portfolio plan", MONEY, "Show which orders would bring the weights back."),
    Entry("portfolio rebalance", MONEY, "Bring the weights back; it asks before it sends orders."),
    Entry("portfolio lots", MONEY, "Export gains and tax lots as CSV."),
    Entry("paper info", MONEY, "Show how to reach the paper exchange."),
    Entry("paper fault", MONEY, "Let the paper exchange fail on purpose."),
    Entry("data fetch", SETUP, "Fetch candles from a venue into the local history."),
    Entry("data list", SETUP, "List the series of the local history."),
    Entry("data check", SETUP, "Look for gaps and other oddities in the history."),
    Entry("data repair", SETUP, "Ask the venue again for candles that are missing."),
    Entry("data import", SETUP, "Take candle files into the local history."),
    Entry("data export", SETUP, "Write a series as Parquet or CSV."),
    Entry("strategy list", SETUP, "List the strategies that run and those that could."),
    Entry("strategy set", SETUP, "Change parameters of a strategy while it runs."),
    Entry("strategy start", SETUP, "Start a strategy."),
    Entry("strategy stop", SETUP, "Stop a strategy; its position stays as it is."),
    Entry("strategy new", SETUP, "Write a start for a strategy of your own."),
    Entry("strategy check", SETUP, "Find what is wrong with a strategy by running it over the past."),
    Entry("parity", MONEY, "Run the period just traded again and compare it trade by trade."),
    Entry("backtest run", SETUP, "Run a strategy over a candle file."),
    Entry("backtest sweep", SETUP, "Run a strategy under many parameter values."),
    Entry("backtest walk-forward", SETUP, "Choose parameters on the past, trade them on what followed."),
    Entry("backtest optimize", SETUP, "Search a strategy's parameters with Optuna."),
    Entry("backtest monte-carlo", SETUP, "Shuffle and redraw the trades of a run."),
    Entry("backtest trust", SETUP, "Say how far a backtest may be trusted, and why."),
    Entry("backtest list", SETUP, "List the kept runs."),
    Entry("backtest compare", SETUP, "Show kept runs side by side."),
    Entry("backtest report", SETUP, "Write the HTML report of a kept run."),
    Entry("config get", SETUP, "Show one setting, or all."),
    Entry("config set", SETUP, "Change one setting in config.yaml."),
    Entry("config explain", SETUP, "Say what a setting means and where its value comes from."),
    Entry("config check", SETUP, "Check the settings."),
    Entry("config diff", SETUP, "List the settings that differ from their defaults."),
    Entry("config history", SETUP, "List every change of config.yaml."),
    Entry("config rollback", SETUP, "Go back to an earlier revision of config.yaml."),
    Entry("config export", SETUP, "Print the settings as YAML."),
    Entry("config import", SETUP, "Take a file, or a bundled template, as config.yaml."),
    Entry("secret list", SETUP, "List the names of the secrets."),
    Entry("secret set", SETUP, "Keep a secret, such as an exchange's API key."),
    Entry("secret remove", SETUP, "Forget a secret."),
    Entry("secret rotate", SETUP, "Change the key that protects all secrets."),
    Entry("db check", SETUP, "Say whether the databases are sound."),
    Entry("db backup", SETUP, "Make verified backups of the databases."),
    Entry("db restore", SETUP, "Put a backup in the place of a database."),
    Entry("db migrate", SETUP, "Bring the tables of the databases up to date."),
    Entry("db convert", SETUP, "Move all data to another database engine."),
    Entry("user list", SETUP, "List who may log in to the dashboard."),
    Entry("user add", SETUP, "Let a person log in."),
    Entry("user passwd", SETUP, "Give a user another password."),
    Entry("user role", SETUP, "Change what a user may do."),
    Entry("apikey list", SETUP, "List the API keys."),
    Entry("apikey create", SETUP, "Make an API key."),
    Entry("apikey revoke", SETUP, "End an API key."),
    Entry("audit list", LOOK, "List who did what."),
    Entry("audit verify", LOOK, "Check that nobody changed the audit log."),
    Entry("service install", SETUP, "Let the operating system start CryptoBot and keep it running."),
    Entry("service uninstall", SETUP, "Stop and remove what `service install` installed."),
    Entry("service list", LOOK, "List the services: what they need, where they answer."),
    Entry("service add", SETUP, "Add a service of your own while everything runs."),
    Entry("service remove", SETUP, "Stop and forget a service that was added."),
    Entry("service run", SETUP, "Run one service in this process, as the supervisor does.", hidden=True),
)

GROUPS: dict[str, str] = {
    "bus": "Watch and use the message bus.",
    "paper": "The paper exchange.",
    "portfolio": "Weights, rebalancing, returns, tax lots.",
    "risk": "Limits over the whole account.",
    "data": "The local history of candles.",
    "strategy": "Strategies.",
    "config": "Settings: read, change, explain, check.",
    "backtest": "Run strategies over the past.",
    "db": "Databases: check, back up, restore.",
    "secret": "Secrets: kept encrypted, handed only to those who need them.",
    "apikey": "Keys for programs.",
    "audit": "Who did what.",
    "user": "People who may log in to the dashboard.",
    "service": "Services: list, add, remove; CryptoBot as a service of the operating system.",
}
