"""What this program holds, add-ons of the home included: to compare two installations, a compiled one too."""

import importlib.util
from collections.abc import Callable

from ...configs import addons
from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from .delegate import load
from .schemas import all_schemas
from .services import known_services
from .table import COMMANDS

EXTRAS = {
    "ccxt": "ccxt",
    "charts": "matplotlib",
    "cluster": "distributed",
    "encryption": "sqlcipher3",
    "feather": "pyarrow",
    "keychain": "keyring",
    "mariadb": "pymysql",
    "notify": "apprise",
    "optimizer": "optuna",
    "portfolio": "scipy",
    "postgresql": "psycopg",
    "talib": "talib",
    "tray": "pystray",
}
"""What may be left out, and the module by which one sees that it is there."""


def contents(home: Home) -> dict[str, list[str]]:
    """Names of each kind of thing, sorted but for commands, which stand as in the help.

    `unreadable` has a sentence for each kind that an add-on or the settings keep from being listed.
    """
    addons.use(home)
    kinds: dict[str, Callable[[], list[str]]] = {
        "commands": lambda: [entry.name for entry in COMMANDS],
        "services": lambda: known_services(home),
        "pages": lambda: sorted(page.name for page in load("cryptobot.dashboard.pages.registry:found")()),
        "connectors": lambda: load("cryptobot.services.connectors.registry:names")(),
        "strategies": lambda: list(load("cryptobot.services.strategy.loader:Loader")().available()),
        "schemas": lambda: [f"0x{kind.SCHEMA_ID:04X} {kind.__name__}" for kind in all_schemas()],
        "extras": lambda: [name for name, module in EXTRAS.items() if importlib.util.find_spec(module)],
    }
    found: dict[str, list[str]] = {"unreadable": addons.refusals()}
    for kind, names in kinds.items():
        try:
            found[kind] = names()
        except CryptoBotError as error:
            found[kind] = []
            found["unreadable"].append(f"{kind}: {error}")
    return found
