"""Which venues there are: built in, from add-ons (entry points `cryptobot.connectors`), files in
HOME/connectors, or any exchange of ccxt.
"""

import difflib
import importlib
import importlib.util
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from ...bus.api import AsyncBusApi
from ...configs.accounts import own
from ...configs.addons import connector_files, refusals
from ...configs.errors import SettingsError
from ...configs.schema import Settings
from . import lazy
from .connector import Connector, OpenContext
from .generic import ccxt_connector
from .venue import Credentials, Venue

GROUP = "cryptobot.connectors"
FURTHER_PAPER = r"paper-[2-9]"
"""Names of paper exchanges beside the first."""
BUILT_IN = ("paper", "binance", "coinbase", "kraken", "bybit", "okx")


def names() -> list[str]:
    """Connectors by name, without importing any; every other exchange of ccxt works too."""
    built_in = (name for name in BUILT_IN if _is_here(name))
    return sorted({*built_in, *(point.name for point in entry_points(group=GROUP)), *connector_files()})


def _is_here(name: str) -> bool:
    """Whether this program holds a built-in connector: a slim one leaves some to add-ons."""
    return importlib.util.find_spec(f"{__package__}.{name}") is not None


def find(name: str) -> Connector:
    """The connector of this name.

    Raises:
        SettingsError: there is none; or an add-on names something that is no Connector; or a file cannot be
            imported, with its line.
    """
    if name in BUILT_IN and _is_here(name):
        found = importlib.import_module(f"{__package__}.{name}").CONNECTOR
        assert isinstance(found, Connector)
        return found
    if re.fullmatch(FURTHER_PAPER, name):
        found = importlib.import_module(f"{__package__}.paper").further(name)
        assert isinstance(found, Connector)
        return found
    for point in entry_points(group=GROUP):
        if point.name == name:
            loaded = point.load()
            if not isinstance(loaded, Connector):
                raise SettingsError(f"The add-on {point.value} of the connector {name!r} is not a Connector.")
            return loaded
    file = connector_files().get(name)
    if file is not None:
        return from_file(file)
    if lazy.exchange_exists(name):
        return ccxt_connector(name)
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = f"Known are {', '.join(names())}."
    raise SettingsError(" ".join([f"data.exchange: there is no venue {name!r}.{hint}", known, *refusals()]))


def from_file(path: Path) -> Connector:
    """The connector that a file of the home defines as CONNECTOR.

    Raises:
        SettingsError: it cannot be imported, or defines none.
    """
    name = f"cryptobot_connector_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look the module of a class up there
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - its author's file
    except Exception as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        place = f"{path}, line {line}" if line else str(path)
        raise SettingsError(f"{place}: {type(error).__name__}: {str(error).rstrip('.')}.") from error
    found = getattr(module, "CONNECTOR", None)
    if not isinstance(found, Connector):
        raise SettingsError(f"The file {path} defines no CONNECTOR that is a Connector.")
    return found


async def open_venue(
    name: str,
    *,
    bus: AsyncBusApi,
    settings: Settings,
    credentials: Credentials | None = None,
    account: str = "main",
) -> Venue:
    """Open a venue by its name in the settings. Close it with `close`.

    Raises:
        SettingsError: there is no such venue.
        RetryLaterError: the paper service does not answer.
    """
    context = OpenContext(
        bus=bus,
        credentials=credentials,
        timeout_s=settings.trade.request_timeout_s,
        silence_s=settings.data.stale_after_s,
        account=account,
        balances=own(settings, account).balances,
    )
    return await find(name).open(context)
