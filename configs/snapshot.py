"""The checked settings as one file, so that services neither read YAML nor check it again."""

import msgspec

from .errors import NotRunningError
from .files import replace
from .paths import Home
from .schema import Settings

_NAME = "settings.json"


def write(home: Home, settings: Settings) -> None:
    """Put the settings where `read` of every service finds them (run/settings.json, mode 0600)."""
    replace(home.run / _NAME, msgspec.json.encode(settings))


def read(home: Home) -> Settings:
    """The settings this home runs with.

    Raises:
        NotRunningError: nobody wrote them; the daemon was never started here.
    """
    try:
        data = (home.run / _NAME).read_bytes()
    except FileNotFoundError:
        raise NotRunningError(
            f"No settings are in force in {home.root}; start the platform with `cryptobot up`."
        ) from None
    return msgspec.json.decode(data, type=Settings)
