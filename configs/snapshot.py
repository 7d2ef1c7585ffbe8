"""The checked settings as one file, so that services neither read YAML nor check it again."""

import re
from pathlib import Path

import msgspec

from .errors import NotRunningError, SettingsError
from .files import replace
from .paths import Home
from .schema import Settings

_NAME = "settings.json"
_MOST_UNKNOWN = 500
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`(?: - at `\$\.?([\w.]*)`)?")


def path(home: Home) -> Path:
    """Where they lie."""
    return home.run / _NAME


def write(home: Home, settings: Settings) -> None:
    """Put the settings where `read` of every service finds them (run/settings.json, mode 0600)."""
    replace(path(home), msgspec.json.encode(settings))


def read(home: Home) -> Settings:
    """The settings this home runs with.

    Raises:
        NotRunningError: nobody wrote them; the daemon was never started here.
        SettingsError: the file is damaged.
    """
    try:
        data = path(home).read_bytes()
    except FileNotFoundError:
        raise NotRunningError(
            f"No settings are in force in {home.root}; start the platform with `cryptobot up`."
        ) from None
    try:
        return _decoded(data)
    except (msgspec.MsgspecError, LookupError, TypeError):
        raise SettingsError(
            f"The settings in force, {path(home)}, are damaged; `cryptobot reload`, or `cryptobot up` "
            "when it does not run, writes them anew."
        ) from None


def _decoded(data: bytes) -> Settings:
    """The settings; keys that a newer version wrote, and that this one does not know, are left out."""
    try:
        return msgspec.json.decode(data, type=Settings)
    except msgspec.ValidationError:
        found = msgspec.json.decode(data)
    for _ in range(_MOST_UNKNOWN):
        try:
            return msgspec.convert(found, Settings)
        except msgspec.ValidationError as error:
            unknown = _UNKNOWN.fullmatch(str(error))
            if unknown is None:
                raise
            place = found
            for part in filter(None, (unknown[2] or "").split(".")):
                place = place[part]
            del place[unknown[1]]
    raise LookupError("too many keys that are not known")


class Watch:
    """Looks whether other settings were put in force.

    Args:
        settings: those that are known already.
    """

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home, self._settings = home, settings
        self._seen = (0, 0)

    def changed(self) -> Settings | None:
        """The settings when they are others than at the last call; None otherwise. Costs one stat."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            found = read(self._home)
        except (NotRunningError, SettingsError):
            return None  # whoever needs them whole is told by the error of that moment
        if found == self._settings:
            return None
        self._settings = found
        return found

    def _stamp(self) -> tuple[int, int]:
        """Each writing makes a new file."""
        try:
            status = path(self._home).stat()
        except OSError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns
